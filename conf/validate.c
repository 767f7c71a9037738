#include "conf/validate.h"

#include "conf/locate.h"
#include "conf/model.h"
#include "lib/diag.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* Both append as much as has room and a NUL; *len is what stands there. */
static void append(struct key *key, size_t *len, const char *text, size_t n)
{
	size_t room = sizeof(key->text) - 1 - *len;

	if (n > room)
		n = room;
	memcpy(key->text + *len, text, n);
	*len += n;
	key->text[*len] = '\0';
}

static void append_number(struct key *key, size_t *len, size_t number)
{
	char digits[24];
	size_t at = sizeof(digits);

	do {
		digits[--at] = (char)('0' + number % 10);
		number /= 10;
	} while (number);
	append(key, len, digits + at, sizeof(digits) - at);
}

/* Not vsnprintf(), since keys are made for each check of each part, and nearly all of them are never shown. */
struct key check_key(const char *format, ...)
{
	struct key key;
	size_t len = 0;
	va_list ap;

	key.text[0] = '\0';
	va_start(ap, format);
	while (*format) {
		size_t literal = (size_t)(strchrnul(format, '%') - format);
		append(&key, &len, format, literal);
		format += literal;
		if (!strncmp(format, "%zu", 3)) {
			append_number(&key, &len, va_arg(ap, size_t));
			format += 3;
		} else if (!strncmp(format, "%s", 2)) {
			const char *text = va_arg(ap, const char *);
			append(&key, &len, text, strlen(text));
			format += 2;
		} else if (*format) {
			append(&key, &len, format++, 1);
		}
	}
	va_end(ap);
	return key;
}

struct place check_place(const struct check *c, const char *key, const char *other)
{
	struct place place = { 0 };

	if (!diag_has_room(c->diags, DIAG_ERROR))
		return place; /* nobody will see it */
	struct origin at = locate_key(c->where, key), origin = locate_key(c->where, other);
	if (strcmp(at.file, origin.file) != 0)
		snprintf(place.text, sizeof(place.text), "%s, line %u", origin.file, origin.line);
	else
		snprintf(place.text, sizeof(place.text), "line %u", origin.line);
	return place;
}

/* Not looked for where it stands when the message will only be counted. */
__attribute__((format(printf, 4, 0))) static void add(
	struct check *c, enum diag_severity severity, const char *key, const char *format, va_list ap)
{
	struct origin at = locate_key(c->where, diag_has_room(c->diags, severity) ? key : NULL);

	diag_add(c->diags, severity, at.file, key ? at.line : 0, key, format, ap);
}

void check_error(struct check *c, const char *key, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	add(c, DIAG_ERROR, key, format, ap);
	va_end(ap);
}

void check_warning(struct check *c, const char *key, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	add(c, DIAG_WARNING, key, format, ap);
	va_end(ap);
}

void check_note(struct check *c, const char *key, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	add(c, DIAG_NOTE, key, format, ap);
	va_end(ap);
}

bool check_has(const struct check *c, const char *key)
{
	return locate_has(c->where, key);
}

const struct node *check_group(const struct check *c, const char *key)
{
	return locate_at(c->where, key);
}

bool check_group_has(const struct node *group, const char *name)
{
	return group && locate_member(group, name);
}

bool check_wrong(const struct check *c, const char *key)
{
	for (size_t i = 0; i < c->diags->count; i++) {
		const struct diag *d = &c->diags->items[i];
		if (d->severity == DIAG_ERROR && d->key && !strcmp(d->key, key))
			return true;
	}
	return false;
}

int check_order(const char *a, const char *b)
{
	return strverscmp(a, b);
}

/* --- addresses --- */

const char *family_word(int family)
{
	return family == AF_INET6 ? "IPv6" : "IPv4";
}

bool is_set(const struct ip *ip)
{
	return ip->family != AF_UNSPEC;
}

bool overlap(const struct prefix *a, const struct prefix *b)
{
	return is_set(&a->ip) && is_set(&b->ip) && prefix_overlaps(a, b);
}

static struct prefix half(const struct prefix *p, bool upper)
{
	struct prefix h = *p;

	if (upper)
		h.ip.octets[h.len / 8] |= (uint8_t)(0x80 >> h.len % 8);
	h.len++;
	return h;
}

/* Goes down only where an entry of the list is longer than p: at most 128 steps for each entry. */
static bool is_covered_by(const struct prefix *p, const struct prefix *list, size_t n)
{
	bool touched = false;

	for (size_t i = 0; i < n; i++) {
		if (prefix_covers(&list[i], p))
			return true;
		touched = touched || prefix_overlaps(&list[i], p);
	}
	if (!touched)
		return false;
	struct prefix lower = half(p, false), upper = half(p, true);
	return is_covered_by(&lower, list, n) && is_covered_by(&upper, list, n);
}

bool is_covered(const struct prefix *p, const struct prefix *list, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (!is_set(&list[i].ip))
			return true;
	}
	return !is_set(&p->ip) || is_covered_by(p, list, n);
}

int outer_family(const struct model *m)
{
	return m->gateway.outer.address.dhcp ? AF_INET : m->gateway.outer.address.ip.family;
}

void check_apart(struct check *c, const char *list, const struct prefix *prefixes, size_t n)
{
	char x[PREFIX_TEXT], y[PREFIX_TEXT];

	for (size_t p = 1; p < n; p++) {
		for (size_t i = 0; i < p; i++) {
			if (overlap(&prefixes[i], &prefixes[p]))
				check_error(c, check_key("%s[%zu]", list, p).text, "%s overlaps %s before it; keep the wider one",
					prefix_print(&prefixes[p], x), prefix_print(&prefixes[i], y));
		}
	}
}

/* --- names --- */

static int compare_named(const void *a, const void *b)
{
	const struct named *x = a, *y = b;

	if (!x->text || !y->text)
		return !y->text - !x->text;
	int order = strcmp(x->text, y->text);
	return order ? order : check_order(x->key.text, y->key.text);
}

void sort_named(struct named *list, size_t n)
{
	qsort(list, n, sizeof(*list), compare_named);
}

void check_unique(struct check *c, const char *what, struct named *list, size_t n)
{
	size_t first = 0;

	sort_named(list, n);
	for (size_t i = 1; i < n; i++) {
		if (!list[i].text || !list[first].text || strcmp(list[i].text, list[first].text) != 0) {
			first = i;
			continue;
		}
		check_error(c, list[i].key.text, "the %s \"%s\" is taken by %s (%s); choose another", what, list[i].text,
			list[first].key.text, check_place(c, list[i].key.text, list[first].key.text).text);
	}
}

void validate_model(struct check *c)
{
	validate_gateway(c);
	validate_carriers(c);
	validate_identities(c);
	validate_apns(c);
	validate_interfaces(c);
	validate_shared(c);
	validate_selectors(c);
}
