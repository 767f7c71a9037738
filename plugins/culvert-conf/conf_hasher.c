#include "conf_hasher.h"

#include <openssl/evp.h>

typedef struct private_conf_hasher_t private_conf_hasher_t;

struct private_conf_hasher_t {
	hasher_t public;
	/** looked up once */
	EVP_MD *sha256;
	/** wiped by whoever frees or begins anew */
	EVP_MD_CTX *state;
};

METHOD(hasher_t, get_hash_size, size_t, private_conf_hasher_t *this)
{
	return HASH_SIZE_SHA256;
}

METHOD(hasher_t, reset, bool, private_conf_hasher_t *this)
{
	return EVP_DigestInit_ex(this->state, this->sha256, NULL) == 1;
}

METHOD(hasher_t, get_hash, bool, private_conf_hasher_t *this, chunk_t chunk, uint8_t *hash)
{
	if (EVP_DigestUpdate(this->state, chunk.ptr, chunk.len) != 1)
		return FALSE;
	return !hash || (EVP_DigestFinal_ex(this->state, hash, NULL) == 1 && reset(this));
}

METHOD(hasher_t, allocate_hash, bool, private_conf_hasher_t *this, chunk_t chunk, chunk_t *hash)
{
	chunk_t digest;

	if (!hash)
		return get_hash(this, chunk, NULL);
	digest = chunk_alloc(HASH_SIZE_SHA256);
	if (!get_hash(this, chunk, digest.ptr)) {
		chunk_free(&digest);
		return FALSE;
	}
	*hash = digest;
	return TRUE;
}

METHOD(hasher_t, destroy, void, private_conf_hasher_t *this)
{
	EVP_MD_CTX_free(this->state);
	EVP_MD_free(this->sha256);
	free(this);
}

hasher_t *conf_hasher_create(void)
{
	private_conf_hasher_t *this;

	INIT(this,
		.public = {
			.get_hash = _get_hash,
			.allocate_hash = _allocate_hash,
			.get_hash_size = _get_hash_size,
			.reset = _reset,
			.destroy = _destroy,
		},
		.sha256 = EVP_MD_fetch(NULL, "SHA256", NULL),
		.state = EVP_MD_CTX_new(),
	);
	if (this->sha256 && this->state && reset(this))
		return &this->public;
	destroy(this);
	return NULL;
}
