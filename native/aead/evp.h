// The part of OpenSSL's EVP that the core calls, declared by hand and weakly.
//
// Node exports these symbols from its own executable, so neither headers nor a library are needed
// to build. A weak symbol that the runtime lacks (Bun and Electron carry BoringSSL) is a null
// pointer that Available() finds at load; a plain one would end the process at its first call. One
// list both declares and checks, so no symbol can be called that was not looked for.
#pragma once

#include <cstddef>

struct evp_cipher_st;
struct evp_cipher_ctx_st;
struct evp_md_st;
struct evp_md_ctx_st;
struct ossl_lib_ctx_st;
struct ossl_param_st;
struct engine_st;

// X(result, name, parameters). With OpenSSL's own types, so that a second declaration is legal.
#define STRONGROOM_EVP_SYMBOLS(X)                                                                \
  X(evp_cipher_st*, EVP_CIPHER_fetch, (ossl_lib_ctx_st*, const char* name, const char* query))   \
  X(evp_cipher_ctx_st*, EVP_CIPHER_CTX_new, (void))                                              \
  X(void, EVP_CIPHER_CTX_free, (evp_cipher_ctx_st*))                                             \
  X(int, EVP_CIPHER_CTX_ctrl, (evp_cipher_ctx_st*, int op, int argument, void* pointer))         \
  X(int, EVP_CIPHER_CTX_set_padding, (evp_cipher_ctx_st*, int padding))                          \
  X(int, EVP_EncryptInit_ex2,                                                                    \
    (evp_cipher_ctx_st*, const evp_cipher_st*, const unsigned char* key, const unsigned char* iv, \
     const ossl_param_st*))                                                                      \
  X(int, EVP_EncryptUpdate,                                                                      \
    (evp_cipher_ctx_st*, unsigned char* out, int* out_size, const unsigned char* in, int size))  \
  X(int, EVP_EncryptFinal_ex, (evp_cipher_ctx_st*, unsigned char* out, int* out_size))           \
  X(int, EVP_DecryptInit_ex2,                                                                    \
    (evp_cipher_ctx_st*, const evp_cipher_st*, const unsigned char* key, const unsigned char* iv, \
     const ossl_param_st*))                                                                      \
  X(int, EVP_DecryptUpdate,                                                                      \
    (evp_cipher_ctx_st*, unsigned char* out, int* out_size, const unsigned char* in, int size))  \
  X(int, EVP_DecryptFinal_ex, (evp_cipher_ctx_st*, unsigned char* out, int* out_size))           \
  X(evp_md_st*, EVP_MD_fetch, (ossl_lib_ctx_st*, const char* name, const char* query))           \
  X(evp_md_ctx_st*, EVP_MD_CTX_new, (void))                                                      \
  X(void, EVP_MD_CTX_free, (evp_md_ctx_st*))                                                     \
  X(int, EVP_DigestInit_ex2, (evp_md_ctx_st*, const evp_md_st*, const ossl_param_st*))           \
  X(int, EVP_DigestUpdate, (evp_md_ctx_st*, const void* data, size_t size))                      \
  X(int, EVP_DigestFinal_ex, (evp_md_ctx_st*, unsigned char* out, unsigned int* out_size))       \
  X(int, CRYPTO_memcmp, (const void* a, const void* b, size_t size))                             \
  X(void, OPENSSL_cleanse, (void* bytes, size_t size))                                           \
  X(const char*, OpenSSL_version, (int type))

extern "C" {
#define STRONGROOM_EVP_DECLARE(result, name, parameters) \
  __attribute__((weak)) result name parameters;
STRONGROOM_EVP_SYMBOLS(STRONGROOM_EVP_DECLARE)
#undef STRONGROOM_EVP_DECLARE
}

namespace strongroom::aead {

// EVP_CIPHER_CTX_ctrl codes. Additional data is an Update whose `out` is null.
constexpr int kEvpGetTag = 0x10;
constexpr int kEvpSetTag = 0x11;

}  // namespace strongroom::aead
