/*
 * Preloaded: kernel-libipsec takes CHILD_SAs with extended sequence numbers, as a kernel does, so that charon's answer
 * alone decides whether they come up. Packets would fail the integrity check.
 */
#include <dlfcn.h>
#include <../libipsec/ipsec_sa.h>

ipsec_sa_t *ipsec_sa_create(uint32_t spi, host_t *src, host_t *dst, uint8_t protocol, uint32_t reqid, mark_t mark,
	uint32_t tfc, lifetime_cfg_t *lifetime, uint16_t enc_alg, chunk_t enc_key, uint16_t int_alg, chunk_t int_key,
	ipsec_mode_t mode, uint16_t ipcomp, uint16_t cpi, bool encap, bool esn, bool inbound)
{
	/* A library that only a plugin has loaded comes behind none. */
	void *libipsec = dlopen("libipsec.so.0", RTLD_LAZY | RTLD_NOLOAD);
	typeof(ipsec_sa_create) *create = (typeof(create))dlsym(libipsec, "ipsec_sa_create");

	(void)esn;
	return create(spi, src, dst, protocol, reqid, mark, tfc, lifetime, enc_alg, enc_key, int_alg, int_key, mode, ipcomp,
		cpi, encap, FALSE, inbound);
}
