// Memory of every kind that a process's page tables tell apart; prints where, and waits.
#include "say.h"
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define PAGE 4096
#define HUGE (2UL << 20)

static char *memory(size_t pages, int flags)
{
	char *at = mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE, MAP_ANONYMOUS | flags, -1, 0);

	if (at == MAP_FAILED) {
		perror("mmap");
		exit(3);
	}
	return at;
}

static char *touched(size_t pages, int flags)
{
	char *at = memory(pages, flags);

	madvise(at, pages * PAGE, MADV_NOHUGEPAGE);
	memset(at, 'x', pages * PAGE);
	return at;
}

int main(int argc, char **argv)
{
	char line[80];
	char *plain = touched(4, MAP_PRIVATE);
	char *forbidden = touched(4, MAP_PRIVATE);
	char *read_only = touched(3, MAP_PRIVATE);
	char *shared = touched(5, MAP_SHARED);
	char *untouched = memory(6, MAP_PRIVATE);
	char *swapped = touched(8, MAP_PRIVATE);
	char *huge = memory(2 * HUGE / PAGE, MAP_PRIVATE);

	huge = (char *)(((unsigned long)huge + HUGE - 1) & ~(HUGE - 1));
	madvise(huge, HUGE, MADV_HUGEPAGE);
	memset(huge, 'x', HUGE);
	mprotect(forbidden, 4 * PAGE, PROT_NONE);
	mprotect(read_only, 3 * PAGE, PROT_READ);
	say("plain", plain);
	say("forbidden", forbidden);
	say("readOnly", read_only);
	say("shared", shared);
	say("untouched", untouched);
	say("swapped", swapped);
	say("huge", huge);
	printf("%s\n", argc > 1 ? argv[1] : "");
	while (fgets(line, sizeof(line), stdin)) {
		if (!strcmp(line, "swap\n"))
			madvise(swapped, 8 * PAGE, MADV_PAGEOUT);
		if (!strcmp(line, "open\n"))
			mprotect(forbidden, 4 * PAGE, PROT_READ);
		if (!strcmp(line, "exit\n"))
			return 7;
		printf("done\n");
	}
	return 0;
}
