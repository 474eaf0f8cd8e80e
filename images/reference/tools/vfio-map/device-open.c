// SPDX-License-Identifier: MIT
#include "device-open.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/vfio.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "ops.h"
#include "vfio.h"

#define SYSFS_PCI "/sys/bus/pci/devices"

/* "0000:00:02.0" and nothing else: it becomes part of a path. */
static bool is_bdf(const char *text)
{
	static const char shape[] = "xxxx:xx:xx.o";

	if (strlen(text) != sizeof(shape) - 1)
		return false;
	for (size_t i = 0; shape[i]; i++) {
		const char *allowed = shape[i] == 'x' ? "0123456789abcdef" : shape[i] == 'o' ? "01234567" : NULL;

		if (allowed ? !strchr(allowed, text[i]) : text[i] != shape[i])
			return false;
	}
	return true;
}

/* Last part of where the link leads, or "" when there is none. */
static const char *link_name(const char *bdf, const char *link, char name[64])
{
	char path[128], target[256];
	ssize_t length;
	const char *last;

	snprintf(path, sizeof(path), SYSFS_PCI "/%s/%s", bdf, link);
	length = readlink(path, target, sizeof(target) - 1);
	target[length < 0 ? 0 : length] = '\0';
	last = strrchr(target, '/');
	snprintf(name, 64, "%.63s", last ? last + 1 : target);
	return name;
}

static bool find_group(struct call *call, const char *bdf, int *group)
{
	char path[128], driver[64], name[64];

	if (!is_bdf(bdf))
		return fail(call, "argument", "'device' must look like 0000:00:02.0 (lower case)");
	snprintf(path, sizeof(path), SYSFS_PCI "/%s", bdf);
	if (access(path, F_OK) != 0)
		return fail_errno(call, "noSuchDevice", errno, "%s: there is no such PCI device", path);
	if (link_name(bdf, "iommu_group", name)[0] == '\0')
		return fail(call, "noIommu",
			    "%s/iommu_group: the device is behind no IOMMU (no vIOMMU, or not switched on: "
			    "intel_iommu=on)",
			    path);
	if (strcmp(link_name(bdf, "driver", driver), "vfio-pci") != 0)
		return fail(call, "notBound", "%s/driver: bound to %s, not to vfio-pci", path,
			    driver[0] ? driver : "no driver");
	*group = atoi(name);
	return true;
}

/* As the kernel sees it (drivers/vfio/vfio_main.c): no driver, or one that leaves DMA alone, does no harm. */
static bool harmless_driver(const char *driver)
{
	return driver[0] == '\0' || strcmp(driver, "vfio-pci") == 0 || strcmp(driver, "pci-stub") == 0 ||
	       strcmp(driver, "pcieport") == 0;
}

/* Names the group's devices that some other driver holds: those that make it not viable. */
static bool not_viable(struct call *call, int group)
{
	char path[128], others[256] = "", driver[64];
	struct dirent *entry;
	DIR *folder;

	snprintf(path, sizeof(path), "/sys/kernel/iommu_groups/%d/devices", group);
	folder = opendir(path);
	while (folder && (entry = readdir(folder))) {
		if (!is_bdf(entry->d_name) || harmless_driver(link_name(entry->d_name, "driver", driver)))
			continue;
		snprintf(others + strlen(others), sizeof(others) - strlen(others), " %.12s (%.40s)",
			 entry->d_name, driver);
	}
	if (folder)
		closedir(folder);
	return fail(call, "groupNotViable", "group %d: other drivers hold devices of it:%s", group, others);
}

static bool open_group(struct call *call, struct device *opened)
{
	struct vfio_group_status status = { .argsz = sizeof(status) };
	char path[32];

	snprintf(path, sizeof(path), "/dev/vfio/%d", opened->group);
	opened->group_fd = open(path, O_RDWR | O_CLOEXEC);
	if (opened->group_fd < 0) {
		const char *kind = errno == EBUSY ? "groupBusy" : errno == EACCES ? "permission" : "system";

		return fail_errno(call, kind, errno, "open %s", path);
	}
	if (ioctl(opened->group_fd, VFIO_GROUP_GET_STATUS, &status) != 0)
		return fail_errno(call, "ioctl", errno, "VFIO_GROUP_GET_STATUS of group %d", opened->group);
	if (!(status.flags & VFIO_GROUP_FLAGS_VIABLE))
		return not_viable(call, opened->group);
	return true;
}

static bool open_container(struct call *call, struct device *opened)
{
	opened->container_fd = open("/dev/vfio/vfio", O_RDWR | O_CLOEXEC);
	if (opened->container_fd < 0) {
		const char *kind = errno == ENOENT || errno == ENODEV ? "noVfio" :
				   errno == EACCES			 ? "permission" :
									   "system";

		return fail_errno(call, kind, errno, "open /dev/vfio/vfio");
	}
	if (ioctl(opened->container_fd, VFIO_GET_API_VERSION) != VFIO_API_VERSION)
		return fail(call, "noVfio", "/dev/vfio/vfio speaks another version than %d", VFIO_API_VERSION);
	if (ioctl(opened->container_fd, VFIO_CHECK_EXTENSION, VFIO_TYPE1v2_IOMMU) != 1)
		return fail(call, "noType1", "VFIO_CHECK_EXTENSION: no type1v2 IOMMU (is vfio_iommu_type1 loaded?)");
	return true;
}

static bool join_container(struct call *call, struct device *opened, int container_fd)
{
	bool made = container_fd < 0;

	if (made) {
		if (!open_container(call, opened))
			return false;
		container_fd = opened->container_fd;
	}
	if (ioctl(opened->group_fd, VFIO_GROUP_SET_CONTAINER, &container_fd) != 0)
		return fail_errno(call, "ioctl", errno, "VFIO_GROUP_SET_CONTAINER of group %d", opened->group);
	if (made && ioctl(container_fd, VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU) != 0)
		return fail_errno(call, "ioctl", errno, "VFIO_SET_IOMMU to type1v2 with group %d", opened->group);
	return true;
}

bool device_open(struct call *call, const char *bdf, int container_fd, struct device *opened)
{
	opened->group_fd = opened->device_fd = opened->container_fd = -1;
	if (!find_group(call, bdf, &opened->group) || !open_group(call, opened) ||
	    !join_container(call, opened, container_fd)) {
		device_close(opened);
		return false;
	}
	opened->device_fd = ioctl(opened->group_fd, VFIO_GROUP_GET_DEVICE_FD, bdf);
	if (opened->device_fd < 0) {
		fail_errno(call, "ioctl", errno, "VFIO_GROUP_GET_DEVICE_FD of %s in group %d", bdf, opened->group);
		device_close(opened);
		return false;
	}
	snprintf(opened->bdf, sizeof(opened->bdf), "%s", bdf);
	return true;
}

void device_close(struct device *device)
{
	for (int i = 0; i < REGIONS_MAX; i++)
		if (device->regions[i].start)
			munmap(device->regions[i].start, device->regions[i].size);
	if (device->device_fd >= 0)
		close(device->device_fd);
	if (device->group_fd >= 0)
		close(device->group_fd);
	if (device->container_fd >= 0)
		close(device->container_fd);
	*device = (struct device){ .group_fd = -1, .device_fd = -1, .container_fd = -1 };
}

static void describe_ranges(struct call *call, const struct vfio_iommu_type1_info_cap_iova_range *capability)
{
	reply_open(call, "iovaRanges", '[');
	for (uint32_t i = 0; i < capability->nr_iovas; i++) {
		reply_open(call, NULL, '{');
		reply_hex(call, "first", capability->iova_ranges[i].start);
		reply_hex(call, "last", capability->iova_ranges[i].end);
		reply_close(call, '}');
	}
	reply_close(call, ']');
}

void device_describe_iommu(struct call *call, int container_fd)
{
	static union {
		struct vfio_iommu_type1_info info;
		char bytes[4096];
	} answer;
	struct vfio_info_cap_header *header;

	memset(&answer, 0, sizeof(answer));
	answer.info.argsz = sizeof(answer);
	if (ioctl(container_fd, VFIO_IOMMU_GET_INFO, &answer.info) != 0) {
		fail_errno(call, "ioctl", errno, "VFIO_IOMMU_GET_INFO");
		return;
	}
	reply_hex(call, "pageSizes", answer.info.iova_pgsizes);
	if (!(answer.info.flags & VFIO_IOMMU_INFO_CAPS) || answer.info.argsz > sizeof(answer))
		return;
	for (uint32_t at = answer.info.cap_offset; at != 0 && at < sizeof(answer) - sizeof(*header); at = header->next) {
		header = (struct vfio_info_cap_header *)(answer.bytes + at);
		if (header->id == VFIO_IOMMU_TYPE1_INFO_CAP_IOVA_RANGE)
			describe_ranges(call, (void *)header);
		if (header->id == VFIO_IOMMU_TYPE1_INFO_DMA_AVAIL)
			reply_number(call, "mappingsLeft",
				     ((struct vfio_iommu_type1_info_dma_avail *)header)->avail);
	}
}
