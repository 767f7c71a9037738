/* The listening end of a control.sock in a folder of its own, for tests of what asks there. */
#ifndef CULVERT_TESTS_CONTROL_END_H
#define CULVERT_TESTS_CONTROL_END_H

#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static char control_folder[64];
static int control_listener;

static int control_start(void **state)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	(void)state;
	alarm(30);
	snprintf(control_folder, sizeof(control_folder), "/tmp/culvert-control-XXXXXX");
	if (!mkdtemp(control_folder))
		return -1;
	snprintf(address.sun_path, sizeof(address.sun_path), "%s/control.sock", control_folder);
	control_listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (control_listener < 0 || bind(control_listener, (const struct sockaddr *)&address, sizeof(address)))
		return -1;
	return listen(control_listener, 4);
}

static int control_stop(void **state)
{
	char path[80];

	(void)state;
	close(control_listener);
	snprintf(path, sizeof(path), "%s/control.sock", control_folder);
	return unlink(path) || rmdir(control_folder) ? -1 : 0;
}

#endif
