/* culvert restart and culvert rekey: what charon is to do with one tunnel. */
#include "appliance/cmd/cmd.h"

#include "appliance/cmd/answer.h"

#include <stdio.h>
#include <string.h>

enum { NAME_OCTETS = 32 };

static int order(const struct cmd_options *o, int argc, char **argv, const char *done)
{
	char verb[16 + NAME_OCTETS];
	json_t *answer;

	if (argc != 2 || strlen(argv[1]) > NAME_OCTETS || strpbrk(argv[1], " \n")) {
		fprintf(stderr, "usage: culvert %s TUNNEL\n", argv[0]);
		return EXIT_USAGE;
	}
	snprintf(verb, sizeof(verb), "%s %s", argv[0], argv[1]);
	if (answer_get(o->run, verb, &answer))
		return EXIT_BAD;
	json_decref(answer);
	printf("%s %s\n", argv[1], done);
	return EXIT_OK;
}

int cmd_restart(const struct cmd_options *o, int argc, char **argv)
{
	return order(o, argc, argv, "is ended; if the gateway initiates it, it is brought up anew");
}

int cmd_rekey(const struct cmd_options *o, int argc, char **argv)
{
	return order(o, argc, argv, "gets new keys: its CHILD_SAs, then its IKE_SA");
}
