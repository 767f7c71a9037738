/* The reading side. What cannot be read of a generation is said, or unknown; nothing is changed here. */
#include "appliance/daemon/generation.h"

#include "appliance/daemon/archive.h"
#include "appliance/daemon/frozen.h"
#include "appliance/daemon/meta.h"
#include "appliance/daemon/secrets.h"
#include "conf/conf.h"
#include "conf/ids.h"
#include "conf/model.h"
#include "conf/vault.h"
#include "lib/buf.h"
#include "lib/cleanup.h"
#include "lib/diag.h"
#include "lib/io.h"

#include <errno.h>
#include <unistd.h>

void generation_meta(const char *run, unsigned number, struct meta *ret)
{
	CLEANUP(cleanup_free) char *path = frozen_path("%s/gen/%u/meta", run, number);
	CLEANUP(cleanup_free) char *text = NULL;
	size_t len = 0;

	*ret = (struct meta){ 0 };
	if (path && !io_read_file(path, META_MAX, &text, &len))
		meta_parse(text, len, ret);
}

int generation_text(const char *run, unsigned number, char **ret)
{
	CLEANUP(cleanup_free) char *path = frozen_path("%s/gen/%u/culvert.conf", run, number);
	size_t len = 0;

	return path ? io_read_file(path, CONF_FILE_MAX, ret, &len) : -ENOMEM;
}

int generation_load(const char *run, unsigned number, struct diag_list *diags, struct generation *ret)
{
	CLEANUP(cleanup_free) char *conf_path = frozen_path("%s/gen/%u/culvert.conf", run, number);
	CLEANUP(cleanup_free) char *ids_path = frozen_path("%s/gen/%u/ids", run, number);
	struct meta meta;
	struct model *model;
	struct ids *ids = NULL;
	int r;

	if (!conf_path || !ids_path)
		return -ENOMEM;
	if (access(conf_path, F_OK))
		return frozen_fail(diags, conf_path, -errno, "cannot be read");
	r = conf_load(conf_path, diags, &model);
	if (r)
		return r;
	r = ids_load(ids_path, &ids);
	if (!r)
		r = ids_assign(ids, model);
	ids_free(ids);
	if (r) {
		conf_free(model);
		return frozen_fail(diags, ids_path, r, "cannot be read");
	}
	generation_meta(run, number, &meta);
	*ret = (struct generation){ .number = number, .model = model, .rollback_of = meta.rollback_of };
	return 0;
}

int generation_load_current(const char *run, struct diag_list *diags, struct generation *ret)
{
	CLEANUP(cleanup_free) char *path = frozen_path("%s/gen/current", run);
	unsigned number = 0;
	int r = archive_current(run, &number);

	if (r == -ENOENT)
		return r;
	if (r)
		return frozen_fail(diags, path, r, r == -EINVAL ? "does not name a generation" : "cannot be read");
	r = generation_load(run, number, diags, ret);
	if (!r) {
		/* What is in force is not frozen again. */
		vault_free(ret->model->secrets);
		ret->model->secrets = NULL;
	}
	/* A link to what is not there is a failure, not a first start. */
	return r == -ENOENT ? -EINVAL : r;
}

bool generation_passed_over(const char *run, const struct generation *g, const struct model *m)
{
	CLEANUP(cleanup_free) char *folder = frozen_path("%s/gen/%u/operator", run, g->number);
	CLEANUP(cleanup_free) char *path = folder ? frozen_path("%s/culvert.conf", folder) : NULL;
	struct diag_list ignored = { 0 };
	struct vault *secrets = NULL;
	struct buf text = { 0 };
	bool same;

	if (!g->rollback_of)
		return false;
	conf_print(m, &text);
	if (!folder || secrets_load(folder, &secrets))
		secrets = NULL;
	same = !text.error && frozen_equals(path, buf_text(&text), text.len) && secrets_equal(m, secrets, &ignored);
	vault_free(secrets);
	buf_free(&text);
	diag_free(&ignored);
	return same;
}
