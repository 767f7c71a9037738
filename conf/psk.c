/*
 * Files of the secrets folder as octets, and pre-shared keys in the three forms that they may be written in. What is
 * not handed over is overwritten.
 */
#include "conf/psk.h"

#include "conf/conf.h"
#include "conf/model.h"
#include "conf/vault.h"
#include "lib/io.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The path dir/secrets/NAME; the caller frees *ret. */
static int secret_path(const struct model *m, const char *name, char **ret)
{
	char *path;

	if (strchr(name, '/'))
		return -EINVAL;
	if (asprintf(&path, "%s/secrets/%s", m->dir, name) < 0)
		return -ENOMEM;
	*ret = path;
	return 0;
}

int conf_hold_secrets(struct model *m)
{
	struct vault *secrets;
	char *path;

	if (asprintf(&path, "%s/secrets", m->dir) < 0)
		return -ENOMEM;
	int r = vault_read(path, &secrets);
	free(path);
	if (r)
		return r == -EISDIR ? 0 : r;
	vault_free(m->secrets);
	m->secrets = secrets;
	return 0;
}

/* A copy of what is held. */
static int copy_secret(const struct vault_secret *s, char **ret, size_t *ret_len)
{
	char *copy = s ? malloc(s->len + 1) : NULL;

	if (!copy)
		return s ? -ENOMEM : -ENOENT;
	memcpy(copy, s->octets, s->len + 1);
	*ret = copy;
	*ret_len = s->len;
	return 0;
}

int conf_read_secret(const struct model *m, const char *name, char **ret, size_t *ret_len)
{
	char *path;

	if (m->secrets && !strchr(name, '/'))
		return copy_secret(vault_find(m->secrets, name), ret, ret_len);
	int r = secret_path(m, name, &path);
	if (r)
		return r;
	r = io_read_file(path, SECRET_MAX, ret, ret_len);
	free(path);
	return r;
}

enum psk_form psk_form(const char *text, size_t len)
{
	if (len >= 2 && text[0] == '0' && text[1] == 'x')
		return PSK_HEX;
	if (len >= 2 && text[0] == '0' && text[1] == 's')
		return PSK_BASE64;
	return PSK_TEXT;
}

/* The digit's value, -1 if it is none. */
static int hex_value(char digit)
{
	if (digit >= '0' && digit <= '9')
		return digit - '0';
	if (digit >= 'a' && digit <= 'f')
		return digit - 'a' + 10;
	return digit >= 'A' && digit <= 'F' ? digit - 'A' + 10 : -1;
}

static int base64_value(char digit)
{
	if (digit >= 'A' && digit <= 'Z')
		return digit - 'A';
	if (digit >= 'a' && digit <= 'z')
		return digit - 'a' + 26;
	if (digit >= '0' && digit <= '9')
		return digit - '0' + 52;
	return digit == '+' ? 62 : digit == '/' ? 63 : -1;
}

static int decode_hex(const char *text, size_t len, char *to, size_t *ret_len)
{
	if (len % 2)
		return -EILSEQ;
	for (size_t i = 0; i < len; i += 2) {
		int high = hex_value(text[i]), low = hex_value(text[i + 1]);
		if (high < 0 || low < 0)
			return -EILSEQ;
		to[i / 2] = (char)(uint8_t)(high << 4 | low);
	}
	*ret_len = len / 2;
	return 0;
}

/* RFC 4648 section 4, with its padding and nothing else between. */
static int decode_base64(const char *text, size_t len, char *to, size_t *ret_len)
{
	size_t pad = 0, n = 0;
	uint32_t bits = 0;

	if (len % 4)
		return -EILSEQ;
	while (pad < 2 && pad < len && text[len - 1 - pad] == '=')
		pad++;
	for (size_t i = 0; i < len; i++) {
		int value = i < len - pad ? base64_value(text[i]) : 0;
		if (value < 0)
			return -EILSEQ;
		bits = bits << 6 | (uint32_t)value;
		for (int shift = 16; i % 4 == 3 && shift >= 0; shift -= 8)
			to[n++] = (char)(uint8_t)(bits >> shift);
	}
	*ret_len = n - pad;
	return 0;
}

/* The key on one line: 0, or -EINVAL if text is none. */
static int check_line(const char *text, size_t len)
{
	return memchr(text, '\0', len) || memchr(text, '\n', len) || memchr(text, '\r', len) ? -EINVAL : 0;
}

int psk_decode(const char *text, size_t len, char **ret, size_t *ret_len)
{
	len -= len && text[len - 1] == '\n';
	int r = check_line(text, len);
	size_t n = len;

	if (r)
		return r;
	char *key = calloc(1, len + 4);
	if (!key)
		return -ENOMEM;
	switch (psk_form(text, len)) {
	case PSK_TEXT:
		memcpy(key, text, len);
		break;
	case PSK_HEX:
		r = decode_hex(text + 2, len - 2, key, &n);
		break;
	case PSK_BASE64:
		r = decode_base64(text + 2, len - 2, key, &n);
		break;
	}
	if (r) {
		io_free_secret(key, len + 4);
		return r;
	}
	memset(key + n, 0, len + 4 - n);
	*ret = key;
	*ret_len = n;
	return 0;
}

int conf_read_psk(const struct model *m, const char *name, char **ret, size_t *ret_len)
{
	char *text;
	size_t len;

	int r = conf_read_secret(m, name, &text, &len);
	if (r)
		return r;
	r = psk_decode(text, len, ret, ret_len);
	io_free_secret(text, len);
	return r;
}
