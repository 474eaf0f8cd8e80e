// SPDX-License-Identifier: MIT
#include "vfio.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/vfio.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "cpus.h"
#include "device-open.h"
#include "ops.h"

static struct device devices[DEVICES_MAX];

static struct device *device_slot(struct call *call, const char *name)
{
	uint64_t number = 1;

	if (!arg_u64_optional(call, name, &number))
		return NULL;
	if (number < 1 || number > DEVICES_MAX || devices[number - 1].bdf[0] == '\0') {
		fail(call, "notOpen", "no %s %llu is open: the open operation comes first", name,
		     (unsigned long long)number);
		return NULL;
	}
	return &devices[number - 1];
}

struct device *device_from_request(struct call *call)
{
	return device_slot(call, "device");
}

static bool container_from_request(struct call *call, int *fd)
{
	struct device *device = device_slot(call, "container");

	if (!device)
		return false;
	*fd = devices[device->container].container_fd;
	return true;
}

void op_open(struct call *call)
{
	struct device opened = { .container_fd = -1 }, *join = NULL;
	const char *bdf = NULL;
	int slot = 0;

	if (!arg_text(call, "device", &bdf) || (arg_has(call, "container") && !(join = device_slot(call, "container"))) ||
	    !args_done(call))
		return;
	while (slot < DEVICES_MAX && devices[slot].bdf[0] != '\0')
		slot++;
	if (slot == DEVICES_MAX) {
		fail(call, "limit", "%d devices are open already", DEVICES_MAX);
		return;
	}
	opened.container = join ? join->container : slot;
	if (!device_open(call, bdf, join ? devices[join->container].container_fd : -1, &opened))
		return;
	devices[slot] = opened;

	reply_begin(call, true);
	reply_number(call, "device", (uint64_t)slot + 1);
	reply_number(call, "container", (uint64_t)opened.container + 1);
	reply_number(call, "group", (uint64_t)opened.group);
	device_describe_iommu(call, devices[opened.container].container_fd);
}

/* The container goes with its last device; the kernel then removes what is still mapped in it. */
void op_close(struct call *call)
{
	struct device *device = device_from_request(call);

	if (!device || !args_done(call))
		return;
	for (struct device *other = devices; other < devices + DEVICES_MAX; other++) {
		if (other != device && other->bdf[0] != '\0' && other->container == device - devices &&
		    device->container_fd >= 0) {
			fail(call, "busy", "%s is in the same container: close it first", other->bdf);
			return;
		}
	}
	device_close(device);
	reply_begin(call, true);
}

bool dma_map_from_request(struct call *call, struct dma_map *map)
{
	map->read = true;
	map->write = true;
	return container_from_request(call, &map->container_fd) && arg_u64(call, "vaddr", &map->vaddr) &&
	       arg_u64(call, "size", &map->size) && arg_u64(call, "iova", &map->iova) &&
	       arg_bool_optional(call, "read", &map->read) && arg_bool_optional(call, "write", &map->write);
}

int dma_map(const struct dma_map *map)
{
	struct vfio_iommu_type1_dma_map request = {
		.argsz = sizeof(request),
		.flags = (map->read ? VFIO_DMA_MAP_FLAG_READ : 0) | (map->write ? VFIO_DMA_MAP_FLAG_WRITE : 0),
		.vaddr = map->vaddr,
		.iova = map->iova,
		.size = map->size,
	};

	return ioctl(map->container_fd, VFIO_IOMMU_MAP_DMA, &request) == 0 ? 0 : errno;
}

bool dma_map_failed(struct call *call, const struct dma_map *map, int error)
{
	return fail_errno(call, "ioctl", error, "VFIO_IOMMU_MAP_DMA of 0x%llx bytes at vaddr 0x%llx to iova 0x%llx (%s%s)",
			  (unsigned long long)map->size, (unsigned long long)map->vaddr, (unsigned long long)map->iova,
			  map->read ? "r" : "", map->write ? "w" : "");
}

struct map_work {
	struct dma_map map;
	int error;
};

static void run_map(void *work)
{
	struct map_work *w = work;

	w->error = dma_map(&w->map);
}

void op_map(struct call *call)
{
	struct map_work work;
	bool thread = false;
	int cpu = cpu_current();

	if (!dma_map_from_request(call, &work.map) || !arg_bool_optional(call, "thread", &thread) || !args_done(call))
		return;
	if (!thread) {
		run_map(&work);
	} else {
		if (!worker_begin(call, cpu, run_map, &work))
			return;
		worker_wait(cpu);
	}
	if (work.error) {
		dma_map_failed(call, &work.map, work.error);
		return;
	}
	reply_begin(call, true);
}

static void unmap(struct call *call, int container_fd, uint64_t iova, uint64_t size, uint32_t flags)
{
	struct vfio_iommu_type1_dma_unmap request = {
		.argsz = sizeof(request),
		.flags = flags,
		.iova = iova,
		.size = size,
	};

	if (ioctl(container_fd, VFIO_IOMMU_UNMAP_DMA, &request) != 0) {
		fail_errno(call, "ioctl", errno, "VFIO_IOMMU_UNMAP_DMA of 0x%llx bytes at iova 0x%llx",
			   (unsigned long long)size, (unsigned long long)iova);
		return;
	}
	reply_begin(call, true);
	reply_hex(call, "unmapped", request.size);
}

void op_unmap(struct call *call)
{
	uint64_t iova, size;
	int fd;

	if (container_from_request(call, &fd) && arg_u64(call, "iova", &iova) && arg_u64(call, "size", &size) &&
	    args_done(call))
		unmap(call, fd, iova, size, 0);
}

void op_unmap_all(struct call *call)
{
	int fd;

	if (container_from_request(call, &fd) && args_done(call))
		unmap(call, fd, 0, 0, VFIO_DMA_UNMAP_FLAG_ALL);
}
