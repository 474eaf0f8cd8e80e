// SPDX-License-Identifier: MIT
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "agent.h"

int line_open(const char *path)
{
	struct termios settings;
	int line = open(path, O_RDWR | O_NOCTTY | O_CLOEXEC);

	if (line < 0 || tcgetattr(line, &settings) != 0)
		return -1;
	cfmakeraw(&settings);
	settings.c_cflag |= CLOCAL | CREAD;
	cfsetspeed(&settings, B115200);
	if (tcsetattr(line, TCSAFLUSH, &settings) != 0)
		return -1;
	return line;
}

static void send_all(int line, const char *bytes, size_t length)
{
	while (length > 0) {
		ssize_t written = write(line, bytes, length);

		if (written < 0) {
			if (errno != EINTR)
				return;
			continue;
		}
		bytes += written;
		length -= (size_t)written;
	}
}

void line_send(int line, const char *kind, unsigned int id, const unsigned char *bytes, size_t length)
{
	char text[64 + 3 * CHUNK_BYTES];
	size_t used = (size_t)snprintf(text, 64, "%s %u ", kind, id);

	used += escape(text + used, bytes, length > CHUNK_BYTES ? CHUNK_BYTES : length);
	text[used++] = '\n';
	send_all(line, text, used);
}

void line_receive(int line, void (*take)(int line, char *text))
{
	static char buffer[LINE_BYTES];
	static size_t used;
	static bool dropping;
	char *start = buffer, *end;
	ssize_t length = read(line, buffer + used, sizeof(buffer) - used);

	if (length <= 0)
		return;
	used += (size_t)length;
	while ((end = memchr(start, '\n', used - (size_t)(start - buffer)))) {
		*end = '\0';
		if (!dropping)
			take(line, start);
		dropping = false;
		start = end + 1;
	}
	used -= (size_t)(start - buffer);
	memmove(buffer, start, used);
	if (used == sizeof(buffer)) {
		used = 0;
		dropping = true;
	}
}
