// SPDX-License-Identifier: MIT
/* Operations that make and change memory of this process. None of them touches a page unless it says so. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "access.h"
#include "ops.h"

#define HUGE_SIZE (2ul << 20)
#define GIANT_SIZE (1ul << 30)

enum kind { ANONYMOUS, SHARED, MEMFD, FILE_SHARED, FILE_PRIVATE, HUGETLB, THP, HUGETLB_1G };
static const char *const kinds[] = { "anonymous", "shared", "memfd",	 "file", "filePrivate",
				     "hugetlb",	  "thp",    "hugetlb1g", NULL };

struct wanted {
	enum kind kind;
	uint64_t size;
	uint64_t address; /* 0: anywhere */
	int protection;
	bool populate;
	const char *path; /* of a file */
};

static bool is_hugetlb(const struct wanted *wanted)
{
	return wanted->kind == HUGETLB || wanted->kind == HUGETLB_1G;
}

static bool is_file(const struct wanted *wanted)
{
	return wanted->kind == FILE_SHARED || wanted->kind == FILE_PRIVATE;
}

static bool protection_from_request(struct call *call, int *protection)
{
	const char *text = NULL;

	if (!arg_text_optional(call, "protection", &text))
		return false;
	if (!text)
		return true;
	*protection = PROT_NONE;
	for (const char *c = text; *c; c++) {
		int bit = *c == 'r' ? PROT_READ : *c == 'w' ? PROT_WRITE : *c == 'x' ? PROT_EXEC : 0;

		if (!bit || (*protection & bit))
			return fail(call, "argument", "'protection' must be some of the letters r, w, x, or empty");
		*protection |= bit;
	}
	return true;
}

static bool range_from_request(struct call *call, uint64_t *address, uint64_t *size)
{
	return arg_u64(call, "address", address) && arg_u64(call, "size", size) &&
	       arg_range(call, "size", *size, 1, SIZE_LIMIT);
}

static bool size_from_request(struct call *call, uint64_t *size)
{
	uint64_t pages = 0;

	if (arg_has(call, "pages") == arg_has(call, "size"))
		return fail(call, "argument", "one of 'pages' and 'size' (in bytes) is wanted");
	if (!arg_u64_optional(call, "size", size) || !arg_u64_optional(call, "pages", &pages) ||
	    !arg_range(call, "pages", pages, 0, SIZE_LIMIT / PAGE_SIZE))
		return false;
	if (pages)
		*size = pages * PAGE_SIZE;
	return arg_range(call, "size", *size, 1, SIZE_LIMIT);
}

static bool wanted_from_request(struct call *call, struct wanted *wanted)
{
	unsigned int kind = ANONYMOUS;

	*wanted = (struct wanted){ .protection = PROT_READ | PROT_WRITE, .populate = true };
	if (!size_from_request(call, &wanted->size) || !arg_word_optional(call, "kind", kinds, &kind) ||
	    !protection_from_request(call, &wanted->protection) ||
	    !arg_bool_optional(call, "populate", &wanted->populate) ||
	    !arg_u64_optional(call, "address", &wanted->address) || !arg_text_optional(call, "path", &wanted->path) ||
	    !args_done(call))
		return false;
	wanted->kind = kind;
	if (is_file(wanted) != (wanted->path != NULL))
		return fail(call, "argument", "'path' goes with kinds file and filePrivate and only with them");
	if (wanted->kind == HUGETLB || wanted->kind == THP)
		wanted->size = (wanted->size + HUGE_SIZE - 1) / HUGE_SIZE * HUGE_SIZE;
	if (wanted->kind == HUGETLB_1G)
		wanted->size = (wanted->size + GIANT_SIZE - 1) / GIANT_SIZE * GIANT_SIZE;
	return true;
}

/* Opens what a shared mapping is made of; -1 for the kinds that need nothing, -2 with errno set. */
static int backing(const struct wanted *wanted)
{
	int fd;

	if (wanted->kind == MEMFD)
		fd = memfd_create("vfio-map", MFD_CLOEXEC);
	else if (is_file(wanted))
		fd = open(wanted->path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	else
		return -1;
	if (fd < 0 || ftruncate(fd, (off_t)wanted->size) != 0)
		return -2;
	return fd;
}

static int mmap_flags(const struct wanted *wanted)
{
	int flags = wanted->address ? MAP_FIXED_NOREPLACE : 0;

	switch (wanted->kind) {
	case ANONYMOUS:
	case THP:
		return flags | MAP_PRIVATE | MAP_ANONYMOUS;
	case SHARED:
		return flags | MAP_SHARED | MAP_ANONYMOUS;
	case FILE_PRIVATE:
		return flags | MAP_PRIVATE;
	case HUGETLB:
		return flags | MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB | (21 << MAP_HUGE_SHIFT);
	case HUGETLB_1G:
		return flags | MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB | (30 << MAP_HUGE_SHIFT);
	default:
		return flags | MAP_SHARED;
	}
}

/* A 2 MiB aligned range for transparent huge pages: reserves more and gives back what sticks out. */
static void *map_aligned(const struct wanted *wanted, int flags)
{
	uint64_t reserved = wanted->size + HUGE_SIZE;
	char *start = mmap(NULL, reserved, wanted->protection, flags, -1, 0), *aligned;

	if (start == MAP_FAILED)
		return start;
	aligned = (char *)(((uint64_t)start + HUGE_SIZE - 1) / HUGE_SIZE * HUGE_SIZE);
	if (aligned != start)
		munmap(start, (size_t)(aligned - start));
	munmap(aligned + wanted->size, reserved - wanted->size - (size_t)(aligned - start));
	return aligned;
}

/* As MAP_POPULATE does, but with the error: after the advice on huge pages, so that it is heeded. */
static int populate(const struct wanted *wanted, void *start)
{
	int advice = wanted->protection & PROT_WRITE ? MADV_POPULATE_WRITE : MADV_POPULATE_READ;

	/* Memory that can only be executed cannot be populated (EINVAL): its pages come with the first call. */
	if (!wanted->populate || !(wanted->protection & (PROT_READ | PROT_WRITE)))
		return 0;
	return madvise(start, wanted->size, advice) == 0 ? 0 : errno;
}

void op_alloc(struct call *call)
{
	struct wanted wanted;
	int fd, flags, error = 0;
	void *start;

	if (!wanted_from_request(call, &wanted))
		return;
	fd = backing(&wanted);
	if (fd == -2) {
		fail_errno(call, "system", errno, "%s of 0x%llx bytes", kinds[wanted.kind],
			   (unsigned long long)wanted.size);
		return;
	}
	flags = mmap_flags(&wanted);
	if (wanted.kind == THP && !wanted.address)
		start = map_aligned(&wanted, flags);
	else
		start = mmap((void *)wanted.address, wanted.size, wanted.protection, flags, fd, 0);
	if (start == MAP_FAILED) {
		error = errno;
		if (fd >= 0)
			close(fd);
		fail_errno(call, "system", error, "mmap of 0x%llx bytes, %s%s", (unsigned long long)wanted.size,
			   kinds[wanted.kind],
			   is_hugetlb(&wanted) ? " (are there free pages in /sys/kernel/mm/hugepages?)" : "");
		return;
	}
	if (wanted.kind == THP)
		madvise(start, wanted.size, MADV_HUGEPAGE);
	else if (!is_hugetlb(&wanted))
		madvise(start, wanted.size, MADV_NOHUGEPAGE);
	error = populate(&wanted, start);
	if (error) {
		munmap(start, wanted.size);
		if (fd >= 0)
			close(fd);
		fail_errno(call, "system", error, "populate 0x%llx bytes, %s", (unsigned long long)wanted.size,
			   kinds[wanted.kind]);
		return;
	}
	reply_begin(call, true);
	reply_hex(call, "address", (uint64_t)start);
	reply_hex(call, "size", wanted.size);
	if (fd >= 0)
		reply_number(call, "fd", (uint64_t)fd);
}

/* The same memory once more, at another address: of a descriptor that alloc gave, or of shared anonymous memory. */
void op_alias(struct call *call)
{
	uint64_t fd = 0, address = 0, size;
	int protection = PROT_READ | PROT_WRITE;
	bool by_fd = arg_has(call, "fd");
	void *start;

	if (!arg_u64_optional(call, "fd", &fd) || !arg_range(call, "fd", fd, 0, 1 << 20) ||
	    !(by_fd ? arg_u64_optional : arg_u64)(call, "address", &address) || !arg_u64(call, "size", &size) ||
	    !arg_range(call, "size", size, 1, SIZE_LIMIT) || !protection_from_request(call, &protection) ||
	    !args_done(call))
		return;
	/* mremap with an old size of 0 duplicates a shared mapping (man 2 mremap). */
	start = by_fd ? mmap(NULL, size, protection, MAP_SHARED, (int)fd, 0) :
			mremap((void *)address, 0, size, MREMAP_MAYMOVE);
	if (start == MAP_FAILED) {
		fail_errno(call, "system", errno, "%s of 0x%llx bytes", by_fd ? "mmap" : "mremap with an old size of 0",
			   (unsigned long long)size);
		return;
	}
	reply_begin(call, true);
	reply_hex(call, "address", (uint64_t)start);
}

static void done_or_failed(struct call *call, int result, const char *what, uint64_t address, uint64_t size)
{
	if (result != 0)
		fail_errno(call, "system", errno, "%s of 0x%llx bytes at 0x%llx", what, (unsigned long long)size,
			   (unsigned long long)address);
	else
		reply_begin(call, true);
}

void op_free(struct call *call)
{
	uint64_t address, size;

	if (range_from_request(call, &address, &size) && args_done(call))
		done_or_failed(call, munmap((void *)address, size), "munmap", address, size);
}

void op_mprotect(struct call *call)
{
	int protection = PROT_NONE;
	uint64_t address, size;

	if (!arg_has(call, "protection")) {
		fail(call, "argument", "'protection' is missing");
		return;
	}
	if (range_from_request(call, &address, &size) && protection_from_request(call, &protection) && args_done(call))
		done_or_failed(call, mprotect((void *)address, size, protection), "mprotect", address, size);
}

void op_madvise(struct call *call)
{
	static const char *const words[] = { "dontneed", "free",   "remove", "cold",	 "pageout",
					     "hugepage", "nohugepage", "collapse", "dontfork", "populateRead",
					     "populateWrite", "mergeable", NULL };
	static const int advices[] = { MADV_DONTNEED, MADV_FREE,       MADV_REMOVE, MADV_COLD,	   MADV_PAGEOUT,
				       MADV_HUGEPAGE, MADV_NOHUGEPAGE, 25,	    MADV_DONTFORK, MADV_POPULATE_READ,
				       MADV_POPULATE_WRITE, MADV_MERGEABLE };
	unsigned int advice = 0;
	uint64_t address, size;

	if (range_from_request(call, &address, &size) && arg_word(call, "advice", words, &advice) && args_done(call))
		done_or_failed(call, madvise((void *)address, size, advices[advice]), words[advice], address, size);
}

void op_mremap(struct call *call)
{
	uint64_t address, size, new_size, to = 0;
	void *start;

	if (!range_from_request(call, &address, &size))
		return;
	new_size = size;
	if (!arg_u64_optional(call, "newSize", &new_size) || !arg_range(call, "newSize", new_size, 1, SIZE_LIMIT) ||
	    !arg_u64_optional(call, "to", &to) || !args_done(call))
		return;
	start = mremap((void *)address, size, new_size, MREMAP_MAYMOVE | (to ? MREMAP_FIXED : 0), (void *)to);
	if (start == MAP_FAILED) {
		fail_errno(call, "system", errno, "mremap of 0x%llx bytes at 0x%llx", (unsigned long long)size,
			   (unsigned long long)address);
		return;
	}
	reply_begin(call, true);
	reply_hex(call, "address", (uint64_t)start);
}

/* Writes value + page number to the first 8 bytes of every page; stops at the first that cannot be written. */
void op_fill(struct call *call)
{
	struct access access = { .kind = ACCESS_WRITE, .size = 8, .timeout_ms = ACCESS_TIMEOUT_MS };
	uint64_t address, size, value = 0, pages = 0;

	if (!range_from_request(call, &address, &size) || !arg_u64_optional(call, "value", &value) || !args_done(call))
		return;
	for (access.address = address; access.address < address + size; access.address += PAGE_SIZE, pages++) {
		access.value = value + pages;
		access_memory(&access);
		if (access.outcome != ACCESS_DONE)
			break;
	}
	reply_begin(call, true);
	reply_number(call, "pages", pages);
	if (pages * PAGE_SIZE < size)
		access_to_reply(call, &access);
}

/* Entries of /proc/self/pagemap (Documentation/admin-guide/mm/pagemap.rst), an oracle independent of page walks. */
void op_pagemap(struct call *call)
{
	uint64_t address, pages, entries[512];
	ssize_t got;
	int fd;

	if (!arg_u64(call, "address", &address) || !arg_u64(call, "pages", &pages) ||
	    !arg_range(call, "pages", pages, 1, 512) || !args_done(call))
		return;
	fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		fail_errno(call, "system", errno, "open /proc/self/pagemap");
		return;
	}
	got = pread(fd, entries, pages * 8, (off_t)(address / PAGE_SIZE * 8));
	if (got != (ssize_t)(pages * 8)) {
		fail_errno(call, "system", got < 0 ? errno : ENODATA, "read of /proc/self/pagemap for 0x%llx",
			   (unsigned long long)address);
	} else {
		reply_begin(call, true);
		reply_open(call, "entries", '[');
		for (uint64_t i = 0; i < pages; i++)
			reply_hex(call, NULL, entries[i]);
		reply_close(call, ']');
	}
	close(fd);
}
