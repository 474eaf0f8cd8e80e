// SPDX-License-Identifier: MIT
/*
 * vfio_test BDF: maps 1 MiB through VFIO for the device and holds it until Enter, end of file or a signal. Prints
 * "DMA mapped: IOVA=0x..., VADDR=0x..., SIZE=0x..." and writes "0x<address> 0x<size>" to /tmp/vfio_vaddr.txt, for
 * those who look at the page tables by hand. Programs use vfio-map.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "vfio-map/call.h"
#include "vfio-map/device-open.h"
#include "vfio-map/vfio.h"

#define SIZE (1ul << 20)
#define IOVA 0x100000ul
#define ADDRESS_FILE "/tmp/vfio_vaddr.txt"

/* What went wrong was written as a vfio-map reply: it holds the kind and what was tried. */
static int failed(struct call *call)
{
	reply_end(call);
	fprintf(stderr, "vfio_test: %.*s", (int)call->length, call->reply);
	return EXIT_FAILURE;
}

static void *allocate(void)
{
	void *start = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (start == MAP_FAILED) {
		perror("vfio_test: mmap");
		exit(EXIT_FAILURE);
	}
	/* 4 KiB pages, each with something to be seen. */
	madvise(start, SIZE, MADV_NOHUGEPAGE);
	memset(start, 0xa5, SIZE);
	return start;
}

static void write_address(const void *start)
{
	FILE *file = fopen(ADDRESS_FILE, "w");

	if (!file || fprintf(file, "%p 0x%lx\n", start, SIZE) < 0 || fclose(file) != 0)
		perror("vfio_test: " ADDRESS_FILE);
}

int main(int argc, char **argv)
{
	static struct call call;
	struct device device;
	struct dma_map map = { .size = SIZE, .iova = IOVA, .read = true, .write = true };
	int error;

	if (argc != 2) {
		fprintf(stderr, "usage: vfio_test BDF    (for instance 0000:00:02.0, bound to vfio-pci)\n");
		return 2;
	}
	if (!device_open(&call, argv[1], -1, &device))
		return failed(&call);
	map.container_fd = device.container_fd;
	map.vaddr = (uint64_t)allocate();
	error = dma_map(&map);
	if (error) {
		dma_map_failed(&call, &map, error);
		return failed(&call);
	}
	printf("DMA mapped: IOVA=0x%lx, VADDR=0x%lx, SIZE=0x%lx\n", IOVA, map.vaddr, SIZE);
	write_address((void *)map.vaddr);
	printf("Process %d holds the mapping: Enter ends it.\n", getpid());
	fflush(stdout);
	getchar();
	/* The kernel unmaps and unpins when the container is closed. */
	device_close(&device);
	return EXIT_SUCCESS;
}
