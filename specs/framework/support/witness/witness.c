// SPDX-License-Identifier: GPL-2.0-only
/*
 * A plugin of QEMU's TCG that writes down each store of the guest's to words that a file names, and what they hold behind it.
 *
 *   -plugin witness.so,control=FILE,log=FILE,ram=BYTES
 *
 * The control file: how many words, and their physical addresses, 64 bits each. It may change while the guest runs.
 * The log: a line of vCPU, linear address of the instruction, physical address and value for each store.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* Of QEMU's plugin interface, docs/devel/tcg-plugins.rst, what is used here: Debian has no package with its header. */
struct qemu_plugin_tb;
struct qemu_plugin_insn;
struct qemu_plugin_hwaddr;
struct qemu_info;
typedef uint64_t plugin_id;
typedef uint32_t mem_info;
enum { NO_REGISTERS = 0, WRITES = 2 };
typedef void (*on_translation)(plugin_id id, struct qemu_plugin_tb *tb);
typedef void (*on_access)(unsigned int vcpu, mem_info info, uint64_t vaddr, void *data);
void qemu_plugin_register_vcpu_tb_trans_cb(plugin_id id, on_translation callback);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *tb, size_t index);
uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *insn);
void qemu_plugin_register_vcpu_mem_cb(struct qemu_plugin_insn *insn, on_access callback, int flags, int rw, void *data);
struct qemu_plugin_hwaddr *qemu_plugin_get_hwaddr(mem_info info, uint64_t vaddr);
bool qemu_plugin_hwaddr_is_io(const struct qemu_plugin_hwaddr *address);
uint64_t qemu_plugin_hwaddr_phys_addr(const struct qemu_plugin_hwaddr *address);

__attribute__((visibility("default"))) int qemu_plugin_version = PLUGIN_VERSION;
__attribute__((visibility("default"))) int qemu_plugin_install(plugin_id id, const struct qemu_info *info, int argc,
							       char **argv);

static const volatile uint64_t *control;
static FILE *log_file;
static uint64_t ram_bytes;
static const char *ram;

/* Where QEMU has the guest's RAM: its one mapping of that size. */
static const char *find_ram(void)
{
	FILE *maps = fopen("/proc/self/maps", "re");
	uint64_t from, to;

	while (maps && fscanf(maps, "%" SCNx64 "-%" SCNx64 "%*[^\n]", &from, &to) == 2) {
		if (to - from == ram_bytes) {
			fclose(maps);
			return (const char *)(uintptr_t)from;
		}
	}
	fputs("witness: no mapping of QEMU's has the size of the RAM\n", stderr);
	exit(1);
}

static void stored(unsigned int vcpu, mem_info info, uint64_t vaddr, void *data)
{
	const struct qemu_plugin_hwaddr *place;
	uint64_t count = control[0], physical, value, i;

	/* Tables are the kernel's alone. */
	if (count == 0 || !(vaddr >> 63))
		return;
	for (i = 1; i <= count; i++)
		if (((control[i] ^ vaddr) & 0xff8) == 0)
			break;
	if (i > count)
		return;
	place = qemu_plugin_get_hwaddr(info, vaddr);
	if (!place || qemu_plugin_hwaddr_is_io(place))
		return;
	physical = qemu_plugin_hwaddr_phys_addr(place) & ~7ULL;
	for (i = 1; i <= count; i++)
		if (control[i] == physical)
			break;
	if (i > count)
		return;
	if (!ram)
		ram = find_ram();
	memcpy(&value, ram + physical, sizeof(value));
	fprintf(log_file, "%u 0x%" PRIx64 " 0x%" PRIx64 " 0x%" PRIx64 "\n", vcpu, (uint64_t)(uintptr_t)data, physical,
		value);
}

static void translated(plugin_id id, struct qemu_plugin_tb *tb)
{
	size_t count = qemu_plugin_tb_n_insns(tb);

	(void)id;
	for (size_t i = 0; i < count; i++) {
		struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, i);

		qemu_plugin_register_vcpu_mem_cb(insn, stored, NO_REGISTERS, WRITES,
						 (void *)(uintptr_t)qemu_plugin_insn_vaddr(insn));
	}
}

static const char *argument(int argc, char **argv, const char *name)
{
	size_t length = strlen(name);

	for (int i = 0; i < argc; i++)
		if (strncmp(argv[i], name, length) == 0 && argv[i][length] == '=')
			return argv[i] + length + 1;
	fprintf(stderr, "witness: %s=… is missing\n", name);
	exit(1);
}

int qemu_plugin_install(plugin_id id, const struct qemu_info *info, int argc, char **argv)
{
	int fd = open(argument(argc, argv, "control"), O_RDONLY | O_CLOEXEC);
	void *mapped = fd < 0 ? MAP_FAILED : mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);

	(void)info;
	log_file = fopen(argument(argc, argv, "log"), "we");
	if (mapped == MAP_FAILED || !log_file) {
		perror("witness");
		return 1;
	}
	setlinebuf(log_file);
	control = mapped;
	ram_bytes = strtoull(argument(argc, argv, "ram"), NULL, 0);
	qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
	return 0;
}
