/*
 * Certificates, private keys and revocation lists out of octets that anybody may have written. The types are
 * libcrypto's own; nobody else includes its headers.
 */
#ifndef CULVERT_CONF_X509_H
#define CULVERT_CONF_X509_H

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

struct buf;
struct evp_pkey_st;
struct x509_st;
struct X509_crl_st;

/* NULL with *ret set, or what is wrong and what would be right (static text). Certificates and keys are PEM, alone. */
const char *x509_read_certificate(const char *text, size_t len, struct x509_st **ret);
const char *x509_read_key(const char *text, size_t len, struct evp_pkey_st **ret);
/* PEM or DER. */
const char *x509_read_crl(const char *text, size_t len, struct X509_crl_st **ret);
/* NULL is allowed. */
void x509_free_certificate(struct x509_st *certificate);
void x509_free_key(struct evp_pkey_st *key);
void x509_free_crl(struct X509_crl_st *crl);

/* Of a certificate. */
bool x509_fits(const struct x509_st *certificate, const struct evp_pkey_st *key);
bool x509_is_ca(struct x509_st *certificate);
/* True if charon would let this identity prove itself by the certificate. */
bool x509_has_identity(const struct x509_st *certificate, const char *identity);
/* Appends subject and subjectAltNames: "/C=CZ/CN=gw", "gw.example.net". */
void x509_print_identities(const struct x509_st *certificate, struct buf *out);
/* 0, or -EINVAL if the times cannot be read; *ret are seconds since 1970. */
int x509_validity(const struct x509_st *certificate, time_t *ret_from, time_t *ret_until);
/* What cannot count as safe, in words (static text), or NULL. *ret_refused: not at all, rather than not much longer. */
const char *x509_weakness(struct x509_st *certificate, bool *ret_refused);

/* Of a revocation list. */
bool x509_is_crl_of(struct X509_crl_st *crl, struct x509_st *ca);
/* -ENOENT: it names no time. */
int x509_next_update(const struct X509_crl_st *crl, time_t *ret);

#endif
