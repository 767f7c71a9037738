/* culvert: one const table of subcommands, each in its own file. */
#include "appliance/cmd/cmd.h"

#include <stdio.h>
#include <string.h>

static const struct {
	const char *name;
	const char *arguments;
	const char *help;
	int (*run)(const struct cmd_options *o, int argc, char **argv);
} commands[] = {
	{ "check", "[FILE]", "say what is wrong with the operator's file, changing nothing; --json: for editors",
		cmd_check },
	{ "convert", "swanctl|ipsec FILE",
		"make carriers and apns of a swanctl.conf or ipsec.conf; exit code 3 if something is left out", cmd_convert },
	{ "secret", "new NAME", "write a random pre-shared key into a new file in /etc/culvert/secrets", cmd_secret },
	{ "status", "[--json]", "show every link, the worst first; exit code 1 if not all is well", cmd_status },
	{ "counters", "[APN] [--json]", "show what passed for each service, and what was refused and why", cmd_counters },
	{ "verify", "[--here] [--json]", "say which paths exist in the kernel, and whether they are the configured ones",
		cmd_verify },
	{ "plan", "[--json]", "say what a reload would do, changing nothing", cmd_plan },
	{ "reload", "", "bring the operator's file into force; on an error the old one stays", cmd_reload },
	{ "history", "[--json]", "list the generations that are kept: when, by whom, what changed", cmd_history },
	{ "show", "config [N]", "print generation N, or the one in force, as it was frozen", cmd_show },
	{ "rollback", "[N]", "bring generation N, or the one before, into force again", cmd_rollback },
	{ "restart", "TUNNEL", "end a tunnel and bring it up anew, so that a changed secret counts at once", cmd_restart },
	{ "rekey", "TUNNEL", "renew a tunnel's keys", cmd_rekey },
};

static const size_t n_commands = sizeof(commands) / sizeof(commands[0]);

static void print_usage(FILE *out)
{
	fputs("usage: culvert [--run DIR] COMMAND\n", out);
	for (size_t i = 0; i < n_commands; i++)
		fprintf(out, "  %-8s %-18s %s\n", commands[i].name, commands[i].arguments, commands[i].help);
	fputs("  --run DIR             where culvertd's socket is (/run/culvert)\n"
		  "  --help, --version\n"
		  "exit code: 0 good; 1 an error, or for status a link that does not carry, no charon, a '!' line; 2 wrong "
		  "usage\n"
		  "of verify: 0 exactly the configured paths exist; 1 differences; 2 it cannot be proven, or asked\n"
		  "of plan: 0 nothing would change; 1 an error; 3 a change without interruption; 4 traffic would be "
		  "interrupted\n",
		out);
}

static int run_command(const struct cmd_options *o, int argc, char **argv)
{
	for (size_t i = 0; argc && i < n_commands; i++)
		if (!strcmp(argv[0], commands[i].name))
			return commands[i].run(o, argc, argv);
	if (argc)
		fprintf(stderr, "culvert: there is no command '%s'\n", argv[0]);
	print_usage(stderr);
	return EXIT_USAGE;
}

int main(int argc, char **argv)
{
	struct cmd_options o = { .run = "/run/culvert" };
	int first = 1;

	if (argc > 1 && !strcmp(argv[1], "--help")) {
		print_usage(stdout);
		return EXIT_OK;
	}
	if (argc > 1 && !strcmp(argv[1], "--version")) {
		puts("culvert " CULVERT_VERSION);
		return EXIT_OK;
	}
	if (argc > 2 && !strcmp(argv[1], "--run")) {
		o.run = argv[2];
		first = 3;
	}
	return run_command(&o, argc - first, argv + first);
}
