"""The cryptography of a peer that speaks one suite, aes256-sha256-modp2048, and can name public values of many others."""

import ctypes
import ctypes.util
import hashlib
import hmac
import os

# The prime of group 14: RFC 3526, section 3, by its formula.
GROUP14_BITS = 2048


def _pi_times_two_to(bits):
    """floor(pi * 2**bits), by Machin's formula."""
    guard = 64
    one = 1 << (bits + guard)

    def arctan_inverse(x):
        term = total = one // x
        n, sign = 3, -1
        while term:
            term //= x * x
            total += sign * (term // n)
            n, sign = n + 2, -sign
        return total
    return 4 * (4 * arctan_inverse(5) - arctan_inverse(239)) >> guard


def modp_prime(bits, offset):
    """2^n - 2^(n-64) - 1 + 2^64 * (floor(2^(n-130) pi) + offset)"""
    return 2 ** bits - 2 ** (bits - 64) - 1 + 2 ** 64 * (_pi_times_two_to(bits - 130) + offset)


PRIME = modp_prime(GROUP14_BITS, 124476)


class KeyExchange:
    """Group 14; the private value has twice the bits that the group is worth."""

    group = 14

    def __init__(self):
        self.secret = int.from_bytes(os.urandom(32), "big")
        self.public = pow(2, self.secret, PRIME).to_bytes(256, "big")

    def shared(self, public):
        return pow(int.from_bytes(public, "big"), self.secret, PRIME).to_bytes(256, "big")


def prf(key, data):
    return hmac.digest(key, data, "sha256")


def prf_plus(key, seed, size):
    stream, block, n = b"", b"", 1
    while len(stream) < size:
        block = prf(key, block + seed + bytes([n]))
        stream, n = stream + block, n + 1
    return stream[:size]


_crypto = ctypes.CDLL(ctypes.util.find_library("crypto") or "libcrypto.so.3")
_crypto.EVP_CIPHER_CTX_new.restype = ctypes.c_void_p
_crypto.EVP_aes_256_cbc.restype = ctypes.c_void_p
_crypto.EVP_CIPHER_CTX_free.argtypes = [ctypes.c_void_p]
_crypto.EVP_CIPHER_CTX_set_padding.argtypes = [ctypes.c_void_p, ctypes.c_int]
_crypto.EVP_CipherInit_ex.argtypes = [ctypes.c_void_p] * 3 + [ctypes.c_char_p] * 2 + [ctypes.c_int]
_crypto.EVP_CipherUpdate.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.POINTER(ctypes.c_int), ctypes.c_char_p,
                                     ctypes.c_int]


def _aes_cbc(key, vector, data, encrypt):
    context = _crypto.EVP_CIPHER_CTX_new()
    try:
        out, size = ctypes.create_string_buffer(len(data) + 16), ctypes.c_int()
        if not _crypto.EVP_CipherInit_ex(context, _crypto.EVP_aes_256_cbc(), None, key, vector, int(encrypt)):
            raise RuntimeError("libcrypto has no AES-CBC")
        _crypto.EVP_CIPHER_CTX_set_padding(context, 0)
        if not _crypto.EVP_CipherUpdate(context, out, ctypes.byref(size), data, len(data)):
            raise RuntimeError("AES-CBC failed")
        return out.raw[:size.value]
    finally:
        _crypto.EVP_CIPHER_CTX_free(context)


def encrypt(key, data):
    """Vector and ciphertext; padded as the SK payload wants it (RFC 7296, section 3.14)."""
    vector, pad = os.urandom(16), -(len(data) + 1) % 16
    return vector + _aes_cbc(key, vector, data + bytes(pad) + bytes([pad]), True)


def decrypt(key, data):
    plain = _aes_cbc(key, data[:16], data[16:], False)
    return plain[:len(plain) - 1 - plain[-1]]


class Keys:
    """The seven keys of an IKE_SA (RFC 7296, section 2.14)."""

    def __init__(self, seed_key, nonce_i, nonce_r, spi_i, spi_r):
        stream = prf_plus(seed_key, nonce_i + nonce_r + spi_i + spi_r, 7 * 32)
        self.d, self.ai, self.ar, self.ei, self.er, self.pi, self.pr = (stream[i:i + 32] for i in range(0, 224, 32))


def first_keys(shared, nonce_i, nonce_r, spi_i, spi_r):
    return Keys(prf(nonce_i + nonce_r, shared), nonce_i, nonce_r, spi_i, spi_r)


def rekeyed_keys(old, shared, nonce_i, nonce_r, spi_i, spi_r, more=b""):
    """more: what IKE_FOLLOWUP_KE has added (RFC 9370, section 2.2.4). After an IKE_INTERMEDIATE it is the same (2.2.2)."""
    return Keys(prf(old.d, shared + nonce_i + nonce_r + more), nonce_i, nonce_r, spi_i, spi_r)


def psk_auth(psk, octets):
    return prf(prf(psk, b"Key Pad for IKEv2"), octets)


# Octets of the public values of the groups. Valid ones need no private key here: 4 is a square in every MODP group.
_MODP = {1: 96, 2: 128, 5: 192, 14: 256, 15: 384, 16: 512, 17: 768, 18: 1024, 22: 128, 23: 256, 24: 256}
_CURVES = {  # OpenSSL's name, octets of a coordinate
    19: ("prime256v1", 32), 20: ("secp384r1", 48), 21: ("secp521r1", 66), 25: ("prime192v1", 24), 26: ("secp224r1", 28),
    27: ("brainpoolP224r1", 28), 28: ("brainpoolP256r1", 32), 29: ("brainpoolP384r1", 48), 30: ("brainpoolP512r1", 64)}
_crypto.OBJ_sn2nid.argtypes = [ctypes.c_char_p]
for _name, _arguments in (("EC_GROUP_new_by_curve_name", 1), ("EC_GROUP_get0_generator", 1), ("EC_POINT_point2oct", 6)):
    getattr(_crypto, _name).restype = ctypes.c_size_t if _arguments == 6 else ctypes.c_void_p


class CurveExchange:
    """Group 20 with the private value 1, so that no arithmetic is needed: what is shared is the other side's point."""

    group = 20

    def __init__(self):
        self.public = any_public(20)

    @staticmethod
    def shared(public):
        return public[:48]


def exchange_of(group):
    """The own side of a key exchange of that group; of group 14 if it is none that this peer can do."""
    return CurveExchange() if group == 20 else KeyExchange()


for _name in ("EVP_PKEY_new_raw_public_key_ex", "EVP_PKEY_CTX_new_from_pkey"):
    getattr(_crypto, _name).restype = ctypes.c_void_p


class Encapsulation:
    """The answer to a public value of ML-KEM-768: public is the ciphertext, secret what is in it."""

    group = 36

    def __init__(self, public):
        key = ctypes.c_void_p(_crypto.EVP_PKEY_new_raw_public_key_ex(
            None, b"ML-KEM-768", None, public, ctypes.c_size_t(len(public))))
        context = ctypes.c_void_p(_crypto.EVP_PKEY_CTX_new_from_pkey(None, key, None))
        try:
            out, secret = ctypes.create_string_buffer(1088), ctypes.create_string_buffer(32)
            sizes = ctypes.c_size_t(1088), ctypes.c_size_t(32)
            if _crypto.EVP_PKEY_encapsulate_init(context, None) != 1 or _crypto.EVP_PKEY_encapsulate(
                    context, out, ctypes.byref(sizes[0]), secret, ctypes.byref(sizes[1])) != 1:
                raise RuntimeError("libcrypto has no ML-KEM")
            self.public, self.secret = out.raw, secret.raw
        finally:
            _crypto.EVP_PKEY_CTX_free(context)
            _crypto.EVP_PKEY_free(key)


def _generator(name, size):
    group = ctypes.c_void_p(_crypto.EC_GROUP_new_by_curve_name(_crypto.OBJ_sn2nid(name.encode())))
    out = ctypes.create_string_buffer(2 * size + 1)
    point = ctypes.c_void_p(_crypto.EC_GROUP_get0_generator(group))
    if not _crypto.EC_POINT_point2oct(group, point, 4, out, ctypes.c_size_t(2 * size + 1), None):
        raise RuntimeError(f"libcrypto does not know {name}")
    return out.raw[1:]


_values = {}


def any_public(group):
    """A public value that an implementation of the group takes; some octets for groups that nobody knows."""
    if group not in _values:
        if group in _CURVES:
            _values[group] = _generator(*_CURVES[group])
        elif group in (31, 32):
            _values[group] = (b"\x09" if group == 31 else b"\x05").ljust(32 if group == 31 else 56, b"\0")
        elif group in (35, 36, 37):  # ML-KEM: a polynomial vector of zeros and a seed
            _values[group] = bytes(384 * (group - 33)) + hashlib.sha256(b"seed").digest()
        else:
            _values[group] = b"\x04".rjust(_MODP.get(group, 64), b"\0")
    return _values[group]
