#include "say.h"

int main(void)
{
	int pages = "four";
	return page;
}
