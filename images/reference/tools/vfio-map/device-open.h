/* SPDX-License-Identifier: MIT */
/* From a PCI address to an open VFIO device, with each thing that can be missing told apart. */
#ifndef VFIO_MAP_DEVICE_OPEN_H
#define VFIO_MAP_DEVICE_OPEN_H

#include <stdbool.h>

struct call;
struct device;

/*
 * Opens the device at `bdf` ("0000:00:02.0") into `opened`. container_fd -1 makes a container with a type1v2 IOMMU;
 * else the device's group joins that one. On failure nothing stays open and the failure is written.
 */
bool device_open(struct call *call, const char *bdf, int container_fd, struct device *opened);
void device_close(struct device *device);
/* Writes 'pageSizes', 'iovaRanges' and 'mappingsLeft' of the container's IOMMU. */
void device_describe_iommu(struct call *call, int container_fd);

#endif
