/* The operator's command: what every subcommand gets, and what it ends with. */
#ifndef CULVERT_CMD_CMD_H
#define CULVERT_CMD_CMD_H

enum { EXIT_OK = 0, EXIT_BAD = 1, EXIT_USAGE = 2, EXIT_CHANGES = 3, EXIT_INTERRUPTS = 4 };

struct cmd_options {
	const char *run; /* folder of culvertd's sockets */
};

/* Each takes what follows its name and returns the exit code; argv[0] is the name. */
int cmd_check(const struct cmd_options *o, int argc, char **argv);
int cmd_convert(const struct cmd_options *o, int argc, char **argv);
int cmd_counters(const struct cmd_options *o, int argc, char **argv);
int cmd_history(const struct cmd_options *o, int argc, char **argv);
int cmd_plan(const struct cmd_options *o, int argc, char **argv);
int cmd_rekey(const struct cmd_options *o, int argc, char **argv);
int cmd_reload(const struct cmd_options *o, int argc, char **argv);
int cmd_restart(const struct cmd_options *o, int argc, char **argv);
int cmd_rollback(const struct cmd_options *o, int argc, char **argv);
int cmd_secret(const struct cmd_options *o, int argc, char **argv);
int cmd_show(const struct cmd_options *o, int argc, char **argv);
int cmd_status(const struct cmd_options *o, int argc, char **argv);
int cmd_verify(const struct cmd_options *o, int argc, char **argv);

#endif
