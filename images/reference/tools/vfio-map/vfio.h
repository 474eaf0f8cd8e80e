/* SPDX-License-Identifier: MIT */
/* What has been opened: containers with their type1 IOMMU, and the devices in them. */
#ifndef VFIO_MAP_VFIO_H
#define VFIO_MAP_VFIO_H

#include <stdbool.h>
#include <stdint.h>

struct call;

#define DEVICES_MAX 8
/* BARs 0 to 5, the ROM, configuration space (VFIO_PCI_*_REGION_INDEX). */
#define REGIONS_MAX 8

struct device {
	char bdf[16]; /* "" when the slot is free */
	int group;
	int group_fd, device_fd;
	int container; /* slot whose container_fd it uses */
	int container_fd; /* -1 unless this slot opened the container */
	/* By region index. A mapping keeps the device open, so closing it unmaps them. */
	struct region_mapping {
		void *start; /* NULL until it is mapped */
		uint64_t size;
	} regions[REGIONS_MAX];
};

/* The device that 'device' names (1 when absent), or NULL with the failure written. */
struct device *device_from_request(struct call *call);

/* A VFIO_IOMMU_MAP_DMA as a request describes it. */
struct dma_map {
	int container_fd;
	uint64_t vaddr, size, iova;
	bool read, write;
};

bool dma_map_from_request(struct call *call, struct dma_map *map);
/* Returns 0 or the errno of the ioctl. */
int dma_map(const struct dma_map *map);
bool dma_map_failed(struct call *call, const struct dma_map *map, int error);

#endif
