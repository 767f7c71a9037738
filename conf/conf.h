/* culvert.conf: text to model and back. No root, no gateway, no network needed. */
#ifndef CULVERT_CONF_CONF_H
#define CULVERT_CONF_CONF_H

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

struct buf;
struct diag_list;
struct model;
struct tunnel;

enum { CONF_FILE_MAX = 16 * 1024 * 1024 }; /* octets, of all files together; 5000 tunnels take about 2 MiB */

/*
 * Reads, with what it includes, checks and freezes. 0 with *ret (conf_free() it) and perhaps warnings in diags; or
 * -EINVAL with at least one error in diags and *ret untouched; or another -errno (out of memory) with *ret untouched.
 * Secrets (dir/secrets/) are checked too: existence, owner, mode, length. The model holds what was read of them.
 */
int conf_load(const char *path, struct diag_list *diags, struct model **ret);
/* What only the machine knows, on which the file is to be put into force. */
struct conf_machine {
	/* True if there is an interface of that name just now. */
	bool (*has_interface)(void *userdata, const char *name);
	void *userdata;
};
/*
 * The same where another model was loaded of it before, and then conf_move()d: files of secrets that did not change
 * since are not read again, but taken from where that model's are. before NULL is allowed. now: the time. machine: what
 * it lacks are warnings; NULL: it is not asked.
 */
int conf_load_after(const char *path, const struct model *before, time_t now, const struct conf_machine *machine,
	struct diag_list *diags, struct model **ret);
/* The same for the file of a generation: secrets are not looked at, and @include is refused. */
int conf_load_frozen(const char *path, struct diag_list *diags, struct model **ret);
/*
 * The same for text in memory, without looking at secrets; name stands in the messages, its folder becomes model.dir.
 * It stands alone: @include is refused.
 */
int conf_load_text(const char *text, size_t len, const char *name, struct diag_list *diags, struct model **ret);
/* Canonical text: every value explicit, fixed order; loads to an equal model. Comments and order of keys do not show.
 */
void conf_print(const struct model *m, struct buf *out);
/* The same with carriers, tunnels, APNs and services by name: equal for files that differ in their order alone. */
void conf_print_sorted(const struct model *m, struct buf *out);
/* Where a tunnel's peer is, in words for status and messages: "192.0.2.11, 192.0.2.12", "ipsec.example.net", "any". */
void conf_print_peers(const struct tunnel *t, struct buf *out);
/*
 * Reads the secrets of a frozen model, for conf_read_secret() and conf_read_psk(): dir/secrets is then one file
 * (vault.h), or a folder, which is read when they are asked for. 0 or -errno.
 */
int conf_hold_secrets(struct model *m);
/*
 * The octets of a secret, all of them: those that the model holds, or of dir/secrets/NAME if it holds none. The caller
 * io_free_secret()s *ret. 0 or -errno.
 */
int conf_read_secret(const struct model *m, const char *name, char **ret, size_t *ret_len);
/*
 * The pre-shared key in it: without one newline at its end; "0x" with hexadecimal digits and "0s" with base64 are the
 * octets that they stand for. -EINVAL if it is not one line of text, -EILSEQ if the digits are wrong.
 */
int conf_read_psk(const struct model *m, const char *name, char **ret, size_t *ret_len);
/* From now on the model's secrets are those in dir/secrets; it holds none any more. 0 or -ENOMEM. */
int conf_move(struct model *m, const char *dir);
/* NULL is allowed. */
void conf_free(struct model *m);

/* From the schema table: the page of reference as Markdown, as a manual page (roff), and the commented example. */
void conf_print_reference(struct buf *out);
void conf_print_manual(struct buf *out);
void conf_print_example(struct buf *out);

#endif
