// What must be there before anything else in this folder may be called.
#include <string>

#include "aead/aead.h"
#include "aead/contexts.h"
#include "aead/evp.h"

namespace strongroom::aead {

namespace {
bool SymbolsAvailable() {
#define STRONGROOM_EVP_MISSING(result, name, parameters) \
  if (&name == nullptr) return false;
  STRONGROOM_EVP_SYMBOLS(STRONGROOM_EVP_MISSING)
#undef STRONGROOM_EVP_MISSING
  return true;
}
}  // namespace

// A provider can be configured away (FIPS), so the algorithms are asked for as well.
bool Available() {
  static const bool available = SymbolsAvailable() && AlgorithmsAvailable();
  return available;
}

// OpenSSL says "OpenSSL 3.0.19 27 Jan 2026": the name and the number are enough.
const char* ProviderVersion() {
  static const std::string version = [] {
    const std::string full = SymbolsAvailable() ? OpenSSL_version(0) : "none";
    return full.substr(0, full.find(' ', full.find(' ') + 1));
  }();
  return version.c_str();
}

}  // namespace strongroom::aead
