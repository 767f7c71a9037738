#include "appliance/daemon/stale.h"

#include "appliance/daemon/survey.h"
#include "appliance/isolation/sa.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

int stale_collect(const struct sa *all, size_t n, const struct survey *survey, struct stale *ret)
{
	struct stale s = { .sas = calloc(n + 1, sizeof(*all)) };

	if (!s.sas)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		if (all[i].if_id && !survey_lists(survey, all[i].if_id, all[i].spi))
			s.sas[s.count++] = all[i];
	stale_free(ret);
	*ret = s;
	return 0;
}

static bool is_replaced(const struct sa *sa, const struct survey *survey)
{
	const struct survey_child *c = survey_child(survey, sa->if_id);

	return c && c->age >= STALE_GRACE;
}

static int compare(const void *a, const void *b)
{
	return sa_compare(a, b);
}

void stale_resolve(
	struct stale *s, const struct sa *all, size_t n, const struct survey *survey, stale_gone_fn gone, void *userdata)
{
	size_t kept = 0;

	for (size_t i = 0; i < s->count; i++) {
		const struct sa *sa = &s->sas[i];

		if (survey_lists(survey, sa->if_id, sa->spi) || !n || !bsearch(sa, all, n, sizeof(*sa), compare))
			continue;
		if (is_replaced(sa, survey))
			gone(userdata, sa);
		else
			s->sas[kept++] = *sa;
	}
	s->count = kept;
}

void stale_free(struct stale *s)
{
	free(s->sas);
	*s = (struct stale){ 0 };
}
