/* culvert reload: asks culvertd for the transaction and says how it went. */
#include "appliance/cmd/cmd.h"

#include "appliance/cmd/answer.h"

int cmd_reload(const struct cmd_options *o, int argc, char **argv)
{
	(void)argv;
	if (argc > 1) {
		fputs("usage: culvert reload\n", stderr);
		return EXIT_USAGE;
	}
	return answer_outcome(o->run, "reload");
}
