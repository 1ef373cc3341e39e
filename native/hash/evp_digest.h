// The few EVP digest functions that are used, declared by hand and weakly: no OpenSSL header is
// needed to build, and outside Node (where nobody exports them) they are null instead of fatal.
#pragma once

#include <cstddef>

extern "C" {
struct evp_md_st;
struct evp_md_ctx_st;
struct ossl_lib_ctx_st;
struct ossl_param_st;
#define STRONGROOM_WEAK __attribute__((weak))
STRONGROOM_WEAK evp_md_st* EVP_MD_fetch(ossl_lib_ctx_st*, const char* name, const char* properties);
STRONGROOM_WEAK evp_md_ctx_st* EVP_MD_CTX_new(void);
STRONGROOM_WEAK void EVP_MD_CTX_free(evp_md_ctx_st*);
STRONGROOM_WEAK int EVP_DigestInit_ex2(evp_md_ctx_st*, const evp_md_st*, const ossl_param_st*);
STRONGROOM_WEAK int EVP_DigestUpdate(evp_md_ctx_st*, const void* data, size_t size);
STRONGROOM_WEAK int EVP_DigestFinal_ex(evp_md_ctx_st*, unsigned char* out, unsigned int* size);
#undef STRONGROOM_WEAK
}

namespace strongroom::hash {

// The addresses differ from null only where the process exports OpenSSL.
inline bool DigestAvailable() {
  return EVP_MD_fetch != nullptr && EVP_MD_CTX_new != nullptr && EVP_MD_CTX_free != nullptr &&
         EVP_DigestInit_ex2 != nullptr && EVP_DigestUpdate != nullptr &&
         EVP_DigestFinal_ex != nullptr;
}

}  // namespace strongroom::hash
