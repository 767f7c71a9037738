/* spread ours|stock TUNNELS SEED: the peak and the mean of rekeys per second in model time, as JSON. */
#include <stdio.h>
#include <string.h>

#include "tests/unit/rekey_world.h"

int main(int argc, char **argv)
{
	if (argc != 4 || (strcmp(argv[1], "ours") != 0 && strcmp(argv[1], "stock") != 0)) {
		fprintf(stderr, "usage: spread ours|stock TUNNELS SEED\n");
		return 2;
	}
	struct world *w = world_new(strtoul(argv[2], NULL, 10), !strcmp(argv[1], "stock"), (unsigned)atoi(argv[3]));
	world_live(w);
	struct world_rate rate = world_rate(w);
	printf("{\"peak\": %u, \"mean\": %.3f, \"rekeys\": %llu, \"brought_forward\": %.3f}\n", rate.peak, rate.mean,
		(unsigned long long)w->rekeys, (double)w->early / (double)w->rekeys);
	world_free(w);
	return 0;
}
