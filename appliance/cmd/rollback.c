/* culvert rollback: an older generation, as it was frozen, becomes a new one. */
#include "appliance/cmd/cmd.h"

#include "appliance/cmd/answer.h"

int cmd_rollback(const struct cmd_options *o, int argc, char **argv)
{
	unsigned number = argc == 2 ? answer_number(argv[1]) : 0;
	char verb[32] = "rollback";

	if (argc > 2 || (argc == 2 && !number)) {
		fputs("usage: culvert rollback [N]\n", stderr);
		return EXIT_USAGE;
	}
	if (number)
		snprintf(verb, sizeof(verb), "rollback %u", number);
	return answer_outcome(o->run, verb);
}
