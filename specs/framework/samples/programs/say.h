#include <stdio.h>

static inline void say(const char *name, const void *at)
{
	printf("%s %p\n", name, at);
}
