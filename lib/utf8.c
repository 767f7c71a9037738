#include "lib/utf8.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

struct form {
	size_t octets;
	unsigned min; /* the least code point that needs so many octets */
	unsigned char mask, lead; /* of the first octet */
};

static const struct form forms[] = {
	{ 1, 0, 0x80, 0x00 },
	{ 2, 0x80, 0xe0, 0xc0 },
	{ 3, 0x800, 0xf0, 0xe0 },
	{ 4, 0x10000, 0xf8, 0xf0 },
};

/* Octets of the character at s, 0 if it is none. */
static size_t character(const unsigned char *s, size_t len)
{
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		const struct form *f = &forms[i];
		if ((s[0] & f->mask) != f->lead)
			continue;
		if (f->octets > len)
			return 0;
		unsigned code = s[0] & (unsigned char)~f->mask;
		for (size_t k = 1; k < f->octets; k++) {
			if ((s[k] & 0xc0) != 0x80)
				return 0;
			code = code << 6 | (s[k] & 0x3f);
		}
		bool surrogate = code >= 0xd800 && code <= 0xdfff;
		return code < f->min || code > 0x10ffff || surrogate ? 0 : f->octets;
	}
	return 0;
}

size_t utf8_valid(const char *text, size_t len)
{
	size_t at = 0;

	while (at < len) {
		uint64_t eight;
		/* Most text is ASCII. */
		if (len - at >= sizeof(eight)) {
			memcpy(&eight, text + at, sizeof(eight));
			if (!(eight & 0x8080808080808080u)) {
				at += sizeof(eight);
				continue;
			}
		}
		size_t n = character((const unsigned char *)text + at, len - at);
		if (!n)
			break;
		at += n;
	}
	return at;
}

bool utf8_has_control(const char *text)
{
	for (const unsigned char *s = (const unsigned char *)text; *s; s++) {
		if (*s < ' ' || *s == 0x7f || (*s == 0xc2 && s[1] >= 0x80 && s[1] <= 0x9f))
			return true;
	}
	return false;
}
