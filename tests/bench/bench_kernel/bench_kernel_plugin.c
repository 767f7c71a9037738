/*
 * A kernel that takes every SA and policy and keeps none, so that thousands of tunnels can be had where there is no
 * IPsec, and their cost is charon's alone. For benches only: what it "installs" protects nothing.
 *
 * On SIGHUP charon has plugins reload: this one gives free memory back to the system, so that the resident size tells
 * what is in use, and says so by writing the octets in use to the file `memory` of its settings.
 */
#include <malloc.h>
#include <stdio.h>

#include <daemon.h>
#include <library.h>
#include <plugins/plugin.h>
#include <kernel/kernel_ipsec.h>

typedef struct private_bench_kernel_t private_bench_kernel_t;

struct private_bench_kernel_t {
	kernel_ipsec_t public;
	/** the SPI given out last */
	refcount_t spi;
};

METHOD(kernel_ipsec_t, get_spi, status_t, private_bench_kernel_t *this, host_t *src, host_t *dst, uint8_t protocol,
	uint32_t *spi)
{
	/* The lowest ones are reserved. */
	*spi = htonl(0x1000 + (uint32_t)ref_get(&this->spi));
	return SUCCESS;
}

METHOD(kernel_ipsec_t, get_cpi, status_t, private_bench_kernel_t *this, host_t *src, host_t *dst, uint16_t *cpi)
{
	return NOT_SUPPORTED;
}

METHOD(kernel_ipsec_t, add_sa, status_t, private_bench_kernel_t *this, kernel_ipsec_sa_id_t *id,
	kernel_ipsec_add_sa_t *data)
{
	return SUCCESS;
}

METHOD(kernel_ipsec_t, update_sa, status_t, private_bench_kernel_t *this, kernel_ipsec_sa_id_t *id,
	kernel_ipsec_update_sa_t *data)
{
	return SUCCESS;
}

METHOD(kernel_ipsec_t, query_sa, status_t, private_bench_kernel_t *this, kernel_ipsec_sa_id_t *id,
	kernel_ipsec_query_sa_t *data, uint64_t *bytes, uint64_t *packets, time_t *time)
{
	return NOT_SUPPORTED;
}

METHOD(kernel_ipsec_t, del_sa, status_t, private_bench_kernel_t *this, kernel_ipsec_sa_id_t *id,
	kernel_ipsec_del_sa_t *data)
{
	return SUCCESS;
}

METHOD(kernel_ipsec_t, flush_sas, status_t, private_bench_kernel_t *this)
{
	return SUCCESS;
}

METHOD(kernel_ipsec_t, add_policy, status_t, private_bench_kernel_t *this, kernel_ipsec_policy_id_t *id,
	kernel_ipsec_manage_policy_t *data)
{
	return SUCCESS;
}

METHOD(kernel_ipsec_t, query_policy, status_t, private_bench_kernel_t *this, kernel_ipsec_policy_id_t *id,
	kernel_ipsec_query_policy_t *data, time_t *use_time)
{
	return NOT_SUPPORTED;
}

METHOD(kernel_ipsec_t, del_policy, status_t, private_bench_kernel_t *this, kernel_ipsec_policy_id_t *id,
	kernel_ipsec_manage_policy_t *data)
{
	return SUCCESS;
}

METHOD(kernel_ipsec_t, flush_policies, status_t, private_bench_kernel_t *this)
{
	return SUCCESS;
}

METHOD(kernel_ipsec_t, bypass_socket, bool, private_bench_kernel_t *this, int fd, int family)
{
	return TRUE;
}

METHOD(kernel_ipsec_t, enable_udp_decap, bool, private_bench_kernel_t *this, int fd, int family, uint16_t port)
{
	return TRUE;
}

METHOD(kernel_ipsec_t, destroy, void, private_bench_kernel_t *this)
{
	free(this);
}

static kernel_ipsec_t *bench_kernel_create(void)
{
	private_bench_kernel_t *this;

	INIT(this,
		.public = {
			.get_spi = _get_spi,
			.get_cpi = _get_cpi,
			.add_sa = _add_sa,
			.update_sa = _update_sa,
			.query_sa = _query_sa,
			.del_sa = _del_sa,
			.flush_sas = _flush_sas,
			.add_policy = _add_policy,
			.query_policy = _query_policy,
			.del_policy = _del_policy,
			.flush_policies = _flush_policies,
			.bypass_socket = _bypass_socket,
			.enable_udp_decap = _enable_udp_decap,
			.destroy = _destroy,
		}, );
	return &this->public;
}

/** By rename, so that who waits for the file never reads half of it. */
static void write_number(const char *path, size_t number)
{
	char part[256];
	FILE *file;

	snprintf(part, sizeof(part), "%s.new", path);
	file = fopen(part, "w");
	if (!file)
		return;
	fprintf(file, "%zu\n", number);
	if (fclose(file) == 0)
		rename(part, path);
}

METHOD(plugin_t, reload, bool, plugin_t *this)
{
	char *path = lib->settings->get_str(lib->settings, "%s.plugins.bench-kernel.memory", NULL, lib->ns);
	struct mallinfo2 info;

	malloc_trim(0);
	info = mallinfo2();
	if (path)
		write_number(path, info.uordblks + info.hblkhd);
	return TRUE;
}

METHOD(plugin_t, get_name, char *, plugin_t *this)
{
	return "bench-kernel";
}

METHOD(plugin_t, get_features, int, plugin_t *this, plugin_feature_t *features[])
{
	static plugin_feature_t f[] = {
		PLUGIN_CALLBACK(kernel_ipsec_register, bench_kernel_create),
		PLUGIN_PROVIDE(CUSTOM, "kernel-ipsec"),
	};
	*features = f;
	return countof(f);
}

METHOD(plugin_t, plugin_destroy, void, plugin_t *this)
{
	free(this);
}

__attribute__((visibility("default"))) extern const char *bench_kernel_plugin_version;
const char *bench_kernel_plugin_version = VERSION;

__attribute__((visibility("default"))) plugin_t *bench_kernel_plugin_create(void);
plugin_t *bench_kernel_plugin_create(void)
{
	plugin_t *this;

	INIT(this, .get_name = _get_name, .get_features = _get_features, .reload = _reload, .destroy = _plugin_destroy, );
	return this;
}
