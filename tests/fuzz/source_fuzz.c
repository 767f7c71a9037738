/*
 * Any texts, which may include each other, through what puts them together: libconfig must see texts, comments and
 * numbers where the scanner sees them. The tokens alone, one a line, parse to the same as the text; integers are worth
 * what they look like, once mend() has told of those that are not; each line comes from a line of a file.
 */
#include "conf/conf.h"
#include "conf/mend.h"
#include "conf/scan.h"
#include "conf/source.h"
#include "lib/buf.h"
#include "lib/diag.h"

#include <errno.h>
#include <libconfig.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define REQUIRE(c)                                                                                                     \
	do {                                                                                                               \
		if (!(c))                                                                                                      \
			abort();                                                                                                   \
	} while (0)

enum { PARTS_MAX = 8 };

/* The input: a file, and behind each 0x1e one more, which are called a, b, c ... */
struct parts {
	struct {
		const char *text;
		size_t len;
	} at[PARTS_MAX];
	size_t n;
};

static struct parts split(const char *data, size_t size)
{
	struct parts p = { 0 };

	for (const char *end = data + size; p.n < PARTS_MAX;) {
		const char *mark = memchr(data, 0x1e, (size_t)(end - data));
		p.at[p.n].text = data;
		p.at[p.n++].len = (size_t)((mark ? mark : end) - data);
		if (!mark)
			break;
		data = mark + 1;
	}
	return p;
}

static int read_part(void *userdata, const char *path, size_t max, char **ret, size_t *ret_len)
{
	const struct parts *p = userdata;
	size_t at = (size_t)(unsigned char)*path - 'a' + 1;

	if (at >= p->n)
		return -ENOENT;
	if (p->at[at].len > max)
		return -EFBIG;
	*ret = malloc(p->at[at].len + 1);
	REQUIRE(*ret);
	memcpy(*ret, p->at[at].text, p->at[at].len);
	*ret_len = p->at[at].len;
	return 0;
}

static const char **refuse_include(config_t *config, const char *dir, const char *path, const char **error)
{
	(void)config, (void)dir, (void)path, (void)error;
	abort(); /* all were in their place before */
}

/* What libconfig makes of a text, printed by itself; NULL if it does not parse. The caller frees it. */
static char *parsed(const char *text, config_t *config)
{
	char *out = NULL;
	size_t len;

	config_init(config);
	config_set_include_func(config, refuse_include);
	if (!config_read_string(config, text))
		return NULL;
	FILE *f = open_memstream(&out, &len);
	REQUIRE(f);
	config_write(config, f);
	fclose(f);
	return out;
}

/* The integers of a text in order, by the tokens and by libconfig's tree. */
struct integers {
	long long values[4096];
	size_t n;
};

static void add(struct integers *i, long long value)
{
	if (i->n < sizeof(i->values) / sizeof(i->values[0]))
		i->values[i->n++] = value;
}

static void add_settings(const config_setting_t *setting, struct integers *ret)
{
	int type = config_setting_type(setting);

	if (type == CONFIG_TYPE_INT || type == CONFIG_TYPE_INT64)
		add(ret, config_setting_get_int64(setting));
	for (int i = 0; config_setting_is_aggregate(setting) && i < config_setting_length(setting); i++)
		add_settings(config_setting_get_elem(setting, (unsigned)i), ret);
}

/* The tokens, one a line, and the integers among them. */
static void scan_all(const struct source *s, struct buf *out, struct integers *ret)
{
	struct scan scan = scan_begin(buf_text(&s->text), s->text.len);

	for (struct scan_token t = scan_next(&scan); t.kind != SCAN_END; t = scan_next(&scan)) {
		REQUIRE(t.kind != SCAN_INCLUDE && t.kind != SCAN_TEXT_OPEN && t.kind != SCAN_COMMENT_OPEN);
		buf_add(out, t.start, t.len);
		buf_puts(out, "\n");
		if (t.kind == SCAN_INTEGER || t.kind == SCAN_HEX)
			add(ret, strtoll(t.start, NULL, t.kind == SCAN_HEX ? 16 : 10));
	}
}

static void check_origins(const struct source *s)
{
	unsigned lines = 1;

	for (size_t i = 0; i < s->text.len; i++)
		lines += s->text.text[i] == '\n';
	for (unsigned line = 0; line <= lines; line++) {
		struct origin at = source_origin(s, line);
		REQUIRE(at.file && (!line || (at.line && at.line <= lines)));
	}
}

static void check(const struct source *s)
{
	struct integers written = { 0 }, read = { 0 };
	struct buf tokens = { 0 };
	config_t config, again;

	check_origins(s);
	char *whole = parsed(buf_text(&s->text), &config);
	if (whole) {
		scan_all(s, &tokens, &written);
		add_settings(config_root_setting(&config), &read);
		REQUIRE(written.n == read.n && !memcmp(written.values, read.values, read.n * sizeof(read.values[0])));
		char *bare = parsed(buf_text(&tokens), &again);
		REQUIRE(bare && !strcmp(whole, bare));
		free(bare);
		config_destroy(&again);
	}
	free(whole);
	buf_free(&tokens);
	config_destroy(&config);
}

/* What is doubtful is told, and then is so no more. */
static void mended(struct source *s)
{
	struct diag_list told = { 0 }, again = { 0 };
	size_t len = s->text.len;
	config_t config;

	REQUIRE(!mend(s, &told) && s->doubtful && s->text.len == len && strlen(buf_text(&s->text)) == len);
	char *whole = parsed(buf_text(&s->text), &config);
	REQUIRE(!whole || told.errors);
	config_destroy(&config);
	free(whole);
	REQUIRE(!mend(s, &again));
	diag_free(&told);
	diag_free(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct parts parts = split((const char *)data, size);
	struct diag_list diags = { 0 };
	struct source source;

	int r = source_build("x", parts.at[0].text, parts.at[0].len, read_part, &parts, &diags, &source);
	REQUIRE((r == -EINVAL) == (diags.errors > 0) && (!r || r == -EINVAL));
	if (!r && source.doubtful)
		mended(&source);
	if (!r)
		check(&source);
	source_free(&source);
	diag_free(&diags);
	return 0;
}
