/* Every copy of a secret that is made here is overwritten: of buffers that grow by realloc() there is none. */
#include "conf/vault.h"

#include "lib/io.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct vault {
	char *file; /* owned; what the entries point into; NULL: they own their octets */
	size_t file_len;
	size_t n;
	struct vault_secret list[];
};

struct vault *vault_new(size_t n)
{
	return calloc(1, sizeof(struct vault) + n * sizeof(struct vault_secret));
}

void vault_add(struct vault *v, const char *name, char *octets, size_t len)
{
	v->list[v->n++] = (struct vault_secret){ name, octets, len };
}

static int compare(const void *a, const void *b)
{
	const struct vault_secret *x = a, *y = b;

	return strcmp(x->name, y->name);
}

/* As the secrets of one kind are. */
static bool is_sorted(const struct vault *v)
{
	for (size_t i = 1; i < v->n; i++) {
		if (compare(&v->list[i - 1], &v->list[i]) > 0)
			return false;
	}
	return true;
}

void vault_sort(struct vault *v)
{
	size_t n = v->n;

	if (!is_sorted(v))
		qsort(v->list, n, sizeof(v->list[0]), compare);
	v->n = 0;
	for (size_t i = 0; i < n; i++) {
		if (v->n && !compare(&v->list[v->n - 1], &v->list[i]))
			io_free_secret(v->list[i].octets, v->list[i].len);
		else
			v->list[v->n++] = v->list[i];
	}
}

const struct vault_secret *vault_find(const struct vault *v, const char *name)
{
	struct vault_secret key = { .name = name };

	return v ? bsearch(&key, v->list, v->n, sizeof(key), compare) : NULL;
}

const struct vault_secret *vault_at(const struct vault *v, size_t i)
{
	return v && i < v->n ? &v->list[i] : NULL;
}

bool vault_same(const struct vault_secret *a, const struct vault_secret *b)
{
	return a && b ? a->len == b->len && !memcmp(a->octets, b->octets, a->len) : !a && !b;
}

void vault_free(struct vault *v)
{
	if (!v)
		return;
	for (size_t i = 0; i < v->n && !v->file; i++)
		io_free_secret(v->list[i].octets, v->list[i].len);
	io_free_secret(v->file, v->file_len);
	free(v);
}

/* --- the file --- */

/* A number that ends with a newline. *at moves behind both. 0 or -EINVAL. */
static int take_number(char **at, const char *end, size_t *ret)
{
	size_t number = 0;
	char *digit = *at;

	for (; digit < end && *digit >= '0' && *digit <= '9' && digit - *at < 10; digit++)
		number = number * 10 + (size_t)(*digit - '0');
	if (digit == *at || digit == end || *digit != '\n')
		return -EINVAL;
	*at = digit + 1;
	*ret = number;
	return 0;
}

/* "NAME LENGTH", the octets and a newline, which gives way to a NUL. */
static int take_secret(char **at, char *end, struct vault_secret *ret)
{
	char *name = *at, *space = memchr(name, ' ', (size_t)(end - name));
	size_t len;

	if (!space)
		return -EINVAL;
	*space = '\0';
	*at = space + 1;
	if (take_number(at, end, &len) || len >= (size_t)(end - *at) || (*at)[len] != '\n')
		return -EINVAL;
	(*at)[len] = '\0';
	*ret = (struct vault_secret){ name, *at, len };
	*at += len + 1;
	return 0;
}

static const char head[] = "secrets ";

/* Fills v, which has room for n. In the order of names, each once. */
static int parse(struct vault *v, size_t n, char *at, char *end)
{
	for (; v->n < n; v->n++) {
		int r = take_secret(&at, end, &v->list[v->n]);
		if (r)
			return r;
		if (v->n && compare(&v->list[v->n - 1], &v->list[v->n]) >= 0)
			return -EINVAL;
	}
	return at == end ? 0 : -EINVAL;
}

/* Takes the text over, or on failure not. */
static int build(char *text, size_t len, struct vault **ret)
{
	char *at = text + sizeof(head) - 1, *end = text + len;
	size_t n;

	if (len < sizeof(head) || memcmp(text, head, sizeof(head) - 1) != 0 || take_number(&at, end, &n) || n > len)
		return -EINVAL;
	struct vault *v = vault_new(n);
	if (!v)
		return -ENOMEM;
	int r = parse(v, n, at, end);
	if (r) {
		free(v);
		return r;
	}
	v->file = text;
	v->file_len = len;
	*ret = v;
	return 0;
}

int vault_read(const char *path, struct vault **ret)
{
	struct stat st = { 0 };
	char *text;
	size_t len;

	int r = io_read_file_stat(path, VAULT_FILE_MAX, &st, &text, &len);
	if (r)
		return S_ISDIR(st.st_mode) ? -EISDIR : r;
	bool ours = !(st.st_mode & 077) && (!st.st_uid || st.st_uid == geteuid());
	r = ours ? build(text, len, ret) : -EINVAL;
	if (r)
		io_free_secret(text, len);
	return r;
}

int vault_write(const struct vault *v, const char *path)
{
	enum { AROUND = 32 }; /* octets of a line but for the name, and more */
	size_t room = AROUND, len;

	for (size_t i = 0; i < v->n; i++)
		room += strlen(v->list[i].name) + v->list[i].len + AROUND;
	if (room > VAULT_FILE_MAX)
		return -EFBIG;
	char *text = malloc(room);
	if (!text)
		return -ENOMEM;
	len = (size_t)snprintf(text, room, "%s%zu\n", head, v->n);
	for (size_t i = 0; i < v->n; i++) {
		const struct vault_secret *s = &v->list[i];
		len += (size_t)snprintf(text + len, room - len, "%s %zu\n", s->name, s->len);
		memcpy(text + len, s->octets, s->len);
		len += s->len;
		text[len++] = '\n';
	}
	int r = io_create_file(path, text, len, 0600);
	io_free_secret(text, len);
	return r;
}
