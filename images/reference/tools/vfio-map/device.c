// SPDX-License-Identifier: MIT
/* Operations on an open device: its regions, its configuration space, and QEMU's edu device as a DMA engine. */
#include <errno.h>
#include <linux/pci_regs.h>
#include <linux/vfio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "ops.h"
#include "vfio.h"

static bool region_info(struct call *call, const struct device *device, uint32_t index, struct vfio_region_info *info)
{
	*info = (struct vfio_region_info){ .argsz = sizeof(*info), .index = index };
	if (ioctl(device->device_fd, VFIO_DEVICE_GET_REGION_INFO, info) == 0)
		return true;
	return fail_errno(call, "ioctl", errno, "VFIO_DEVICE_GET_REGION_INFO of %s, region %u", device->bdf, index);
}

void op_regions(struct call *call)
{
	struct device *device = device_from_request(call);
	struct vfio_region_info infos[REGIONS_MAX];

	if (!device || !args_done(call))
		return;
	/* VGA (index 8) is left out: most devices refuse to describe it. */
	for (uint32_t i = 0; i < REGIONS_MAX; i++)
		if (!region_info(call, device, i, &infos[i]))
			return;
	reply_begin(call, true);
	reply_open(call, "regions", '[');
	for (uint32_t i = 0; i < REGIONS_MAX; i++) {
		if (infos[i].size == 0)
			continue;
		reply_open(call, NULL, '{');
		reply_number(call, "index", i);
		reply_hex(call, "size", infos[i].size);
		reply_bool(call, "read", infos[i].flags & VFIO_REGION_INFO_FLAG_READ);
		reply_bool(call, "write", infos[i].flags & VFIO_REGION_INFO_FLAG_WRITE);
		reply_bool(call, "mmap", infos[i].flags & VFIO_REGION_INFO_FLAG_MMAP);
		reply_close(call, '}');
	}
	reply_close(call, ']');
}

/* Maps the region unless that was done before. */
static const struct region_mapping *map_region(struct call *call, struct device *device, uint32_t index)
{
	struct region_mapping *region = &device->regions[index];
	struct vfio_region_info info;
	void *start;

	if (region->start)
		return region;
	if (!region_info(call, device, index, &info))
		return NULL;
	if (!(info.flags & VFIO_REGION_INFO_FLAG_MMAP)) {
		fail(call, "noMmap", "region %u of %s cannot be mapped", index, device->bdf);
		return NULL;
	}
	start = mmap(NULL, info.size, PROT_READ | PROT_WRITE, MAP_SHARED, device->device_fd, (off_t)info.offset);
	if (start == MAP_FAILED) {
		fail_errno(call, "system", errno, "mmap of region %u of %s", index, device->bdf);
		return NULL;
	}
	*region = (struct region_mapping){ .start = start, .size = info.size };
	return region;
}

void op_region_map(struct call *call)
{
	struct device *device = device_from_request(call);
	const struct region_mapping *region;
	uint64_t index = 0;

	if (!device || !arg_u64_optional(call, "region", &index) ||
	    !arg_range(call, "region", index, 0, REGIONS_MAX - 1) || !args_done(call))
		return;
	region = map_region(call, device, (uint32_t)index);
	if (!region)
		return;
	reply_begin(call, true);
	reply_hex(call, "address", (uint64_t)region->start);
	reply_hex(call, "size", region->size);
}

/* Reads or writes 1, 2 or 4 bytes of configuration space through VFIO (which virtualises some of it). */
static bool config_access(struct call *call, const struct device *device, uint64_t offset, unsigned int size,
			  uint32_t *value, bool write_it)
{
	struct vfio_region_info info;
	ssize_t done;

	if (!region_info(call, device, VFIO_PCI_CONFIG_REGION_INDEX, &info))
		return false;
	done = write_it ? pwrite(device->device_fd, value, size, (off_t)(info.offset + offset)) :
			  pread(device->device_fd, value, size, (off_t)(info.offset + offset));
	if (done == (ssize_t)size)
		return true;
	return fail_errno(call, "system", done < 0 ? errno : EIO, "%s of %u bytes at 0x%llx of %s's configuration",
			  write_it ? "write" : "read", size, (unsigned long long)offset, device->bdf);
}

void op_config(struct call *call)
{
	struct device *device = device_from_request(call);
	uint64_t offset, size = 4, value = 0;
	bool write_it = arg_has(call, "value");
	uint32_t word;

	if (!device || !arg_u64(call, "offset", &offset) || !arg_range(call, "offset", offset, 0, 4095) ||
	    !arg_u64_optional(call, "size", &size) || !arg_u64_optional(call, "value", &value) ||
	    !arg_range(call, "value", value, 0, UINT32_MAX) || !args_done(call))
		return;
	if ((size != 1 && size != 2 && size != 4) || offset % size != 0) {
		fail(call, "argument", "'size' must be 1, 2 or 4 and 'offset' a multiple of it");
		return;
	}
	word = (uint32_t)value;
	if (!config_access(call, device, offset, (unsigned int)size, &word, write_it))
		return;
	reply_begin(call, true);
	if (!write_it)
		reply_hex(call, "value", word);
}

static bool set_bus_master(struct call *call, const struct device *device, bool enable)
{
	uint32_t command = 0;

	if (!config_access(call, device, PCI_COMMAND, 2, &command, false))
		return false;
	command = enable ? command | PCI_COMMAND_MASTER | PCI_COMMAND_MEMORY : command & ~(uint32_t)PCI_COMMAND_MASTER;
	return config_access(call, device, PCI_COMMAND, 2, &command, true);
}

void op_bus_master(struct call *call)
{
	struct device *device = device_from_request(call);
	bool enable = true;

	if (device && arg_bool_optional(call, "enable", &enable) && args_done(call) &&
	    set_bus_master(call, device, enable))
		reply_begin(call, true);
}

void op_reset(struct call *call)
{
	struct device *device = device_from_request(call);

	if (!device || !args_done(call))
		return;
	if (ioctl(device->device_fd, VFIO_DEVICE_RESET) != 0)
		fail_errno(call, "ioctl", errno, "VFIO_DEVICE_RESET of %s", device->bdf);
	else
		reply_begin(call, true);
}

/* QEMU docs/specs/edu.rst */
#define EDU_ID 0x11e81234
#define EDU_DMA_SOURCE 0x80
#define EDU_DMA_TARGET 0x88
#define EDU_DMA_COUNT 0x90
#define EDU_DMA_COMMAND 0x98
#define EDU_DMA_RUN 1
#define EDU_DMA_TO_RAM 2
#define EDU_BUFFER 0x40000
/*
 * The buffer has 4096 bytes, but QEMU 7.2's check refuses a transfer that ends with the last one, and it refuses by
 * aborting the whole machine (hw/misc/edu.c, edu_check_range).
 */
#define EDU_BUFFER_END 4095

/* The mapped registers of a device that is known to be edu and may do DMA; NULL with the failure written. */
static char *edu_registers(struct call *call, struct device *device)
{
	const struct region_mapping *bar0;
	uint32_t id = 0;

	if (!config_access(call, device, PCI_VENDOR_ID, 4, &id, false))
		return NULL;
	if (id != EDU_ID) {
		fail(call, "notEdu", "%s is 0x%08x, not QEMU's edu device 0x%08x", device->bdf, id, EDU_ID);
		return NULL;
	}
	bar0 = map_region(call, device, VFIO_PCI_BAR0_REGION_INDEX);
	return bar0 && set_bus_master(call, device, true) ? bar0->start : NULL;
}

static uint64_t milliseconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* The device ends a transfer 100 ms of guest time after it was started. False when it is still at it. */
static bool edu_finish(volatile uint64_t *command, uint64_t timeout)
{
	uint64_t deadline = milliseconds() + timeout;

	while (*command & EDU_DMA_RUN) {
		struct timespec pause = { .tv_nsec = 1000000 };

		if (milliseconds() > deadline)
			return false;
		nanosleep(&pause, NULL);
	}
	return true;
}

static void edu_start(char *bar0, bool to_ram, uint64_t iova, uint64_t offset, uint64_t size)
{
	volatile uint64_t *source = (uint64_t *)(bar0 + EDU_DMA_SOURCE), *target = (uint64_t *)(bar0 + EDU_DMA_TARGET);

	*source = to_ram ? EDU_BUFFER + offset : iova;
	*target = to_ram ? iova : EDU_BUFFER + offset;
	*(volatile uint64_t *)(bar0 + EDU_DMA_COUNT) = size;
	*(volatile uint64_t *)(bar0 + EDU_DMA_COMMAND) = EDU_DMA_RUN | (to_ram ? EDU_DMA_TO_RAM : 0);
}

void op_edu_dma(struct call *call)
{
	static const char *const directions[] = { "toDevice", "fromDevice", NULL };
	struct device *device = device_from_request(call);
	uint64_t iova, size = 8, offset = 0, timeout = 5000;
	volatile uint64_t *command;
	unsigned int direction = 0;
	char *bar0;

	if (!device || !arg_word(call, "direction", directions, &direction) || !arg_u64(call, "iova", &iova) ||
	    !arg_u64_optional(call, "size", &size) || !arg_range(call, "size", size, 1, EDU_BUFFER_END) ||
	    !arg_u64_optional(call, "offset", &offset) ||
	    !arg_range(call, "offset", offset, 0, EDU_BUFFER_END - size) ||
	    !arg_u64_optional(call, "timeoutMs", &timeout) || !arg_range(call, "timeoutMs", timeout, 1, 60000) ||
	    !args_done(call))
		return;
	bar0 = edu_registers(call, device);
	if (!bar0)
		return;
	command = (uint64_t *)(bar0 + EDU_DMA_COMMAND);
	if (*command & EDU_DMA_RUN) {
		fail(call, "busy", "%s is still at an earlier transfer", device->bdf);
		return;
	}
	edu_start(bar0, direction == 1, iova, offset, size);
	if (!edu_finish(command, timeout)) {
		fail(call, "timeout", "%s did not end the transfer within %llu ms", device->bdf,
		     (unsigned long long)timeout);
		return;
	}
	/* Whether its accesses were translated the device does not say: look for a DMAR fault in the kernel log. */
	reply_begin(call, true);
}
