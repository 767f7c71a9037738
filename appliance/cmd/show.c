/* culvert show config: the canonical text of a generation, as charon and the kernel got it. */
#include "appliance/cmd/cmd.h"

#include "appliance/cmd/answer.h"
#include "appliance/cmd/client.h"

#include <string.h>

int cmd_show(const struct cmd_options *o, int argc, char **argv)
{
	unsigned number = argc == 3 ? answer_number(argv[2]) : 0;
	char verb[32] = "config";
	json_t *answer;

	if (argc < 2 || argc > 3 || strcmp(argv[1], "config") != 0 || (argc == 3 && !number)) {
		fputs("usage: culvert show config [N]\n", stderr);
		return EXIT_USAGE;
	}
	if (number)
		snprintf(verb, sizeof(verb), "config %u", number);
	if (answer_get(o->run, verb, &answer))
		return EXIT_BAD;
	/* culvert.conf has no control characters but tabs and newlines: the loader refuses others. */
	fputs(client_text(answer, "config", ""), stdout);
	json_decref(answer);
	return EXIT_OK;
}
