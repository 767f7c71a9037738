/* culvertd: options, then the loop. Its parts and their order are in daemon.c. */
#include "appliance/daemon/daemon.h"

#include "appliance/daemon/counting.h"
#include "appliance/daemon/verify.h"
#include "lib/log.h"

#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>

static const char usage[] = "usage: culvertd [--conf FILE] [--run DIR] [--state DIR]\n"
							"  --conf FILE   the operator's file (/etc/culvert/culvert.conf)\n"
							"  --run DIR     sockets and generations (/run/culvert)\n"
							"  --state DIR   numbers that last (/var/lib/culvert)\n"
							"  --verify      say as JSON which paths exist in the kernel, and end\n"
							"  --counters    say as JSON what the walls have counted, and end\n"
							"  --apn NAME    of that APN only\n"
							"  --version     say which version this is\n";

/* What to do in place of the daemon's work. */
struct task {
	bool verify, counters;
	const char *apn; /* NULL: all */
};

/* -1: go on; else the exit code. */
static int parse_options(int argc, char **argv, struct daemon_options *ret, struct task *ret_task)
{
	static const struct option options[] = {
		{ "conf", required_argument, NULL, 'c' },
		{ "run", required_argument, NULL, 'r' },
		{ "state", required_argument, NULL, 's' },
		{ "verify", no_argument, NULL, 'y' },
		{ "counters", no_argument, NULL, 'n' },
		{ "apn", required_argument, NULL, 'a' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'v' },
		{ NULL, 0, NULL, 0 },
	};
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (option) {
		case 'c':
			ret->conf = optarg;
			break;
		case 'r':
			ret->run = optarg;
			break;
		case 's':
			ret->state = optarg;
			break;
		case 'y':
			ret_task->verify = true;
			break;
		case 'n':
			ret_task->counters = true;
			break;
		case 'a':
			ret_task->apn = optarg;
			break;
		case 'h':
			fputs(usage, stdout);
			return 0;
		case 'v':
			puts("culvertd " CULVERT_VERSION);
			return 0;
		default:
			fputs(usage, stderr);
			return 2;
		}
	}
	if (optind == argc)
		return -1;
	fputs(usage, stderr);
	return 2;
}

int main(int argc, char **argv)
{
	struct daemon d = {
		.options = { .conf = "/etc/culvert/culvert.conf", .run = "/run/culvert", .state = "/var/lib/culvert" },
	};
	struct task task = { 0 };
	int r = parse_options(argc, argv, &d.options, &task);

	if (r >= 0)
		return r;
	if (task.verify)
		return verify_here(d.options.run);
	if (task.counters)
		return counters_here(d.options.run, task.apn);
	umask(0022);
	r = daemon_start(&d);
	if (!r) {
		r = sd_event_loop(d.event);
		if (r < 0)
			log_error("the event loop failed: %s", strerror(-r));
		sd_notify(0, "STOPPING=1");
	}
	daemon_stop(&d);
	return r < 0 ? 1 : 0;
}
