/* One pass over the lines, in place; then sorted once, so that ten thousand tunnels are looked up without a scan. */
#include "appliance/daemon/survey.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int number(const char *text, int base, uint64_t max, uint64_t *ret)
{
	char *end;
	unsigned long long n;

	if (!text || !*text || strchr("+- \t", *text))
		return -EPROTO;
	errno = 0;
	n = strtoull(text, &end, base);
	if (*end || errno || n > max)
		return -EPROTO;
	*ret = n;
	return 0;
}

static int number32(const char *text, int base, uint32_t *ret)
{
	uint64_t n = 0;
	int r = number(text, base, UINT32_MAX, &n);

	if (!r)
		*ret = (uint32_t)n;
	return r;
}

/* The next word, or NULL; "-" stands for nothing where the caller says so. */
static const char *word(char **rest)
{
	const char *w = strsep(rest, " ");

	return w && *w ? w : NULL;
}

static const char *unless_dash(const char *w)
{
	return w && strcmp(w, "-") != 0 ? w : NULL;
}

static int parse_tunnel(char *rest, struct survey *r)
{
	struct survey_tunnel t = { .name = word(&rest), .state = word(&rest) };
	const char *seconds = word(&rest);
	const char *suite = word(&rest);
	const char *age = word(&rest);

	if (!t.name || !t.state || !suite || !age || !rest || number(seconds, 10, UINT64_MAX, &t.seconds))
		return -EPROTO;
	t.suite = unless_dash(suite);
	if (unless_dash(age)) {
		if (number(age, 10, UINT64_MAX, &t.failure_age))
			return -EPROTO;
		t.failure = unless_dash(rest);
	}
	r->tunnels[r->n_tunnels++] = t;
	return 0;
}

static int parse_child(char *rest, struct survey *r)
{
	struct survey_child c = { .tunnel = word(&rest), .apn = word(&rest) };

	if (!c.tunnel || !c.apn || number32(word(&rest), 10, &c.if_id) || number32(word(&rest), 16, &c.spi_in) ||
		number32(word(&rest), 16, &c.spi_out) || number(word(&rest), 10, UINT64_MAX, &c.age) || rest)
		return -EPROTO;
	r->children[r->n_children++] = c;
	return 0;
}

static int parse_rehearsal(char *rest, struct survey *r)
{
	struct survey_rehearsal h = { .tunnel = word(&rest) };
	const char *result = word(&rest);

	if (!h.tunnel || !result || !rehearsal_of_word(result, &h.result) || number(rest, 10, UINT64_MAX, &h.age))
		return -EPROTO;
	r->rehearsals[r->n_rehearsals++] = h;
	return 0;
}

/* Proposals and sentences have spaces in them. */
static int parse_texts(char *rest, struct survey_refusal *f)
{
	f->offered = strsep(&rest, "\t");
	f->allowed = strsep(&rest, "\t");
	f->reason = rest;
	return f->reason && !strchr(f->reason, '\t') ? 0 : -EPROTO;
}

static int parse_refusal(char *rest, struct survey *r)
{
	const char *tunnel = word(&rest);
	struct survey_refusal f = { .tunnel = unless_dash(tunnel), .peer = word(&rest), .exchange = word(&rest) };
	const char *sender = word(&rest);

	if (!tunnel || !f.peer || !f.exchange || !sender || number(word(&rest), 10, UINT64_MAX, &f.count) ||
		number(word(&rest), 10, UINT64_MAX, &f.age) || parse_texts(rest, &f))
		return -EPROTO;
	f.ours = !strcmp(sender, "gateway");
	if (!f.ours && strcmp(sender, "peer") != 0)
		return -EPROTO;
	if (f.tunnel)
		r->refusals[r->n_refusals++] = f;
	else
		r->refused_peers[r->n_refused_peers++] = f;
	return 0;
}

static int parse_line(char *line, struct survey *r)
{
	static const struct {
		const char *keyword;
		int (*parse)(char *rest, struct survey *r);
	} kinds[] = {
		{ "tunnel", parse_tunnel },
		{ "child", parse_child },
		{ "rehearsal", parse_rehearsal },
		{ "refusal", parse_refusal },
	};
	const char *keyword = strsep(&line, " ");

	for (size_t i = 0; line && i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (!strcmp(keyword, kinds[i].keyword))
			return kinds[i].parse(line, r);
	return -EPROTO;
}

static size_t count_lines(const char *text)
{
	size_t n = 1;

	for (; *text; text++)
		n += *text == '\n';
	return n;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct survey_tunnel *)a)->name, ((const struct survey_tunnel *)b)->name);
}

static int by_tunnel(const void *a, const void *b)
{
	return strcmp(((const struct survey_rehearsal *)a)->tunnel, ((const struct survey_rehearsal *)b)->tunnel);
}

static int by_refused_tunnel(const void *a, const void *b)
{
	return strcmp(((const struct survey_refusal *)a)->tunnel, ((const struct survey_refusal *)b)->tunnel);
}

static int by_if_id(const void *a, const void *b)
{
	const struct survey_child *left = a;
	const struct survey_child *right = b;

	if (left->if_id != right->if_id)
		return left->if_id < right->if_id ? -1 : 1;
	return (left->age > right->age) - (left->age < right->age);
}

int survey_parse(const char *text, struct survey *ret)
{
	size_t lines = count_lines(text);
	struct survey r = {
		.text = strdup(text),
		.tunnels = calloc(lines, sizeof(struct survey_tunnel)),
		.children = calloc(lines, sizeof(struct survey_child)),
		.rehearsals = calloc(lines, sizeof(struct survey_rehearsal)),
		.refusals = calloc(lines, sizeof(struct survey_refusal)),
		.refused_peers = calloc(lines, sizeof(struct survey_refusal)),
	};
	char *rest = r.text;
	char *line;
	int error = r.text && r.tunnels && r.children && r.rehearsals && r.refusals && r.refused_peers ? 0 : -ENOMEM;

	while (!error && (line = strsep(&rest, "\n")))
		error = *line ? parse_line(line, &r) : 0;
	if (error) {
		survey_free(&r);
		return error;
	}
	qsort(r.tunnels, r.n_tunnels, sizeof(*r.tunnels), by_name);
	qsort(r.rehearsals, r.n_rehearsals, sizeof(*r.rehearsals), by_tunnel);
	qsort(r.refusals, r.n_refusals, sizeof(*r.refusals), by_refused_tunnel);
	qsort(r.children, r.n_children, sizeof(*r.children), by_if_id);
	*ret = r;
	return 0;
}

const struct survey_tunnel *survey_tunnel(const struct survey *r, const char *name)
{
	struct survey_tunnel key = { .name = name };

	return r->n_tunnels ? bsearch(&key, r->tunnels, r->n_tunnels, sizeof(key), by_name) : NULL;
}

const struct survey_rehearsal *survey_rehearsal(const struct survey *r, const char *tunnel)
{
	struct survey_rehearsal key = { .tunnel = tunnel };

	return r->n_rehearsals ? bsearch(&key, r->rehearsals, r->n_rehearsals, sizeof(key), by_tunnel) : NULL;
}

const struct survey_refusal *survey_refusal(const struct survey *r, const char *tunnel)
{
	struct survey_refusal key = { .tunnel = tunnel };

	return r->n_refusals ? bsearch(&key, r->refusals, r->n_refusals, sizeof(key), by_refused_tunnel) : NULL;
}

const struct survey_child *survey_child(const struct survey *r, uint32_t if_id)
{
	size_t low = 0;
	size_t high = r->n_children;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (r->children[middle].if_id < if_id)
			low = middle + 1;
		else
			high = middle;
	}
	return low < r->n_children && r->children[low].if_id == if_id ? &r->children[low] : NULL;
}

bool survey_lists(const struct survey *r, uint32_t if_id, uint32_t spi)
{
	const struct survey_child *first = survey_child(r, if_id);
	size_t i = first ? (size_t)(first - r->children) : r->n_children;

	for (; i < r->n_children && r->children[i].if_id == if_id; i++)
		if (r->children[i].spi_in == spi || r->children[i].spi_out == spi)
			return true;
	return false;
}

void survey_free(struct survey *r)
{
	free(r->refused_peers);
	free(r->refusals);
	free(r->rehearsals);
	free(r->children);
	free(r->tunnels);
	free(r->text);
	*r = (struct survey){ 0 };
}
