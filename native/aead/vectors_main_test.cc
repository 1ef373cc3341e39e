// strongroom_vectors: the core's seals on a pipe, so that a script can hold them against anybody's
// vectors and against another implementation. Test-only; scripts/vectors.mjs drives it.
//
// One request per line, one answer per line. A request is an operation and its fields, parted by
// one space; a field is lower-case hex ("-" when empty) or a decimal number. An answer is fields in
// the same coding, or one of
//
//   tampered   the tag, key or length is wrong
//   header     refused before any chunk was opened
//   refused    the entry does not take such sizes at all
//
// The operations gcm-*, xaes-*, hkdf*, hmac* and blob-* are the production entries; evp-* and
// c2sp-open are in vectors_foreign_test.cc.
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <functional>
#include <iostream>
#include <map>
#include <sstream>
#include <string>
#include <type_traits>

#include "aead/chunk.h"
#include "aead/evp.h"
#include "aead/vectors_testing.h"

// SHAKE for the accumulated XAES test.
extern "C" __attribute__((weak)) int EVP_DigestFinalXOF(evp_md_ctx_st*, unsigned char*, size_t);

namespace strongroom::aead {

namespace {

// A nonce of another size does not reach the cipher: there is no such argument.
static_assert(std::is_same_v<Nonce, std::array<uint8_t, 12>>);
static_assert(!std::is_invocable_v<decltype(&GcmKey::Open), GcmKey*, const Bytes&, ByteSpan,
                                   ByteSpan, uint8_t*>);

// True when `body` ends its process, as a CHECK does.
bool Aborts(const std::function<void()>& body) {
  const pid_t child = fork();
  CHECK(child >= 0);
  if (child == 0) {
    close(STDERR_FILENO);
    body();
    _exit(0);
  }
  int status = 0;
  CHECK(waitpid(child, &status, 0) == child);
  return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}

// "refused", or empty when the production entry takes these sizes.
std::string GcmRefusal(ByteSpan key, ByteSpan nonce) {
  if (nonce.size() != kNonceSize) return "refused";
  if (key.size() == kKeySize) return "";
  return Aborts([&] { GcmKey{key}; }) ? "refused" : "accepted a key of another size";
}

// KEY NONCE AAD PLAINTEXT -> SEALED
std::string GcmSeal(const Fields& in) {
  const Bytes key = FromHex(in[0]), nonce = FromHex(in[1]), plaintext = FromHex(in[3]);
  if (const std::string refusal = GcmRefusal(key, nonce); !refusal.empty()) return refusal;
  Bytes out(plaintext.size() + kTagSize);
  GcmKey(key).Seal(Fixed<kNonceSize>(nonce), FromHex(in[2]), plaintext, out.data());
  return Hex(out);
}

// KEY NONCE AAD SEALED -> PLAINTEXT
std::string GcmOpen(const Fields& in) {
  const Bytes key = FromHex(in[0]), nonce = FromHex(in[1]), sealed = FromHex(in[3]);
  if (const std::string refusal = GcmRefusal(key, nonce); !refusal.empty()) return refusal;
  Bytes out(sealed.size());
  const Status status =
      GcmKey(key).Open(Fixed<kNonceSize>(nonce), FromHex(in[2]), sealed, out.data());
  if (!status.ok()) return "tampered";
  return Hex(ByteSpan(out).first(sealed.size() - kTagSize));
}

// KEY NONCE AAD PLAINTEXT -> NONCE ‖ CIPHERTEXT ‖ TAG
std::string XaesSealed(const Fields& in) {
  return Hex(XaesSeal(FromHex(in[0]), Fixed<kXaesNonceSize>(FromHex(in[1])), FromHex(in[2]),
                      FromHex(in[3])));
}

// KEY AAD SEALED -> PLAINTEXT
std::string XaesOpened(const Fields& in) {
  const auto out = XaesOpenBytes(FromHex(in[0]), FromHex(in[1]), FromHex(in[2]));
  return out.ok() ? Hex(*out) : "tampered";
}

// IKM SALT INFO SIZE -> OKM
template <size_t kHashSize, auto kExtract, auto kExpand>
std::string Hkdf(const Fields& in) {
  const Bytes info = FromHex(in[2]);
  Bytes prk(kHashSize), out(std::stoul(in[3]));
  kExtract(FromHex(in[1]), FromHex(in[0]), prk);
  if (out.size() > 255 * kHashSize) {
    return Aborts([&] { kExpand(prk, info, out); }) ? "refused" : "expanded too far";
  }
  kExpand(prk, info, out);
  return Hex(out);
}

// KEY MESSAGE -> MAC
template <auto kHmac>
std::string Hmac(const Fields& in) {
  return Hex(kHmac(FromHex(in[0]), FromHex(in[1])));
}

// DEK HEADER BODY -> HEADER SEALED: all chunks of a body, in order; the commitment is filled in.
std::string BlobSeal(const Fields& in) {
  const Bytes body = FromHex(in[2]);
  auto header = DecodeSealHeader(FromHex(in[1]));
  if (!header.ok()) return "header";
  ChunkCipher cipher = ChunkCipher::ForSealing(FromHex(in[0]), &*header);
  Bytes encoded(kSealHeaderSize), sealed;
  EncodeSealHeader(*header, encoded.data());
  size_t at = 0;
  for (uint64_t index = 0; index == 0 || at < body.size(); ++index) {
    const size_t size = std::min<size_t>(header->chunk_size, body.size() - at);
    sealed.resize(sealed.size() + size + kTagSize);
    cipher.Seal(index, at + size == body.size(), ByteSpan(body).subspan(at, size),
                sealed.data() + sealed.size() - size - kTagSize);
    at += size;
  }
  return Hex(encoded) + " " + Hex(sealed);
}

// DEK HEADER SEALED -> BODY
std::string BlobOpen(const Fields& in) {
  const Bytes sealed = FromHex(in[2]);
  const auto header = DecodeSealHeader(FromHex(in[1]));
  if (!header.ok()) return "header";
  auto cipher = ChunkCipher::ForOpening(FromHex(in[0]), *header);
  if (!cipher.ok()) return "header";
  Bytes body(sealed.size());
  size_t at = 0, opened = 0;
  for (uint64_t index = 0; index == 0 || at < sealed.size(); ++index) {
    const size_t size = std::min<size_t>(header->chunk_size + kTagSize, sealed.size() - at);
    const bool last = at + size == sealed.size();
    if (!cipher->Open(index, last, ByteSpan(sealed).subspan(at, size), body.data() + opened).ok()) {
      return "tampered";
    }
    at += size;
    opened += size - kTagSize;
  }
  return Hex(ByteSpan(body).first(opened));
}

// ITERATIONS -> HASH: C2SP's accumulated test. Inputs come from one SHAKE-128 stream, every sealed
// message goes into another.
std::string XaesAccumulated(const Fields& in) {
  const size_t iterations = std::stoul(in[0]);
  evp_md_st* shake = EVP_MD_fetch(nullptr, "SHAKE-128", nullptr);
  evp_md_ctx_st* context = EVP_MD_CTX_new();
  CHECK(EVP_DigestFinalXOF != nullptr && EVP_DigestInit_ex2(context, shake, nullptr) == 1);
  // OpenSSL 3.0 cannot squeeze twice: the stream is taken at once, long enough for this seed.
  Bytes stream(iterations * 320 + 4096);
  CHECK(EVP_DigestFinalXOF(context, stream.data(), stream.size()) == 1);
  ByteReader reader(stream);
  CHECK(EVP_DigestInit_ex2(context, shake, nullptr) == 1);
  for (size_t i = 0; i < iterations; ++i) {
    const ByteSpan key = reader.Raw(kKeySize);
    const auto nonce = Fixed<kXaesNonceSize>(reader.Raw(kXaesNonceSize));
    const ByteSpan plaintext = reader.Raw(reader.U8());
    const ByteSpan aad = reader.Raw(reader.U8());
    const Bytes sealed = XaesSeal(key, nonce, aad, plaintext);
    const auto opened = XaesOpenBytes(key, aad, sealed);
    if (!opened.ok() || Hex(*opened) != Hex(plaintext)) return "does not open what it sealed";
    const ByteSpan message = ByteSpan(sealed).subspan(kXaesNonceSize);
    CHECK(EVP_DigestUpdate(context, message.data(), message.size()) == 1);
  }
  CHECK(!reader.failed());
  uint8_t out[32];
  CHECK(EVP_DigestFinalXOF(context, out, sizeof(out)) == 1);
  EVP_MD_CTX_free(context);
  return ToHex(out);
}

struct Operation {
  size_t fields;
  std::string (*run)(const Fields&);
};
const std::map<std::string, Operation> kOperations = {
    {"gcm-seal", {4, GcmSeal}},
    {"gcm-open", {4, GcmOpen}},
    {"xaes-seal", {4, XaesSealed}},
    {"xaes-open", {3, XaesOpened}},
    {"xaes-accumulated", {1, XaesAccumulated}},
    {"hkdf256", {4, Hkdf<32, HkdfExtractSha256, HkdfExpandSha256>}},
    {"hkdf512", {4, Hkdf<64, HkdfExtractSha512, HkdfExpandSha512>}},
    {"hmac256", {2, Hmac<HmacSha256>}},
    {"hmac512", {2, Hmac<HmacSha512>}},
    {"blob-seal", {3, BlobSeal}},
    {"blob-open", {3, BlobOpen}},
    {"evp-seal", {5, EvpSeal}},
    {"evp-open", {5, EvpOpen}},
    {"c2sp-open", {3, C2spOpen}},
};

int Serve() {
  if (!Available()) {
    std::cerr << "no OpenSSL 3 (libcrypto.so.3) behind this program\n";
    return 3;
  }
  std::string line;
  while (std::getline(std::cin, line)) {
    std::istringstream words(line);
    std::string name, field;
    words >> name;
    Fields fields;
    while (words >> field) fields.push_back(field);
    const auto found = kOperations.find(name);
    const bool known = found != kOperations.end() && found->second.fields == fields.size();
    std::cout << (known ? found->second.run(fields) : "unknown operation") << "\n";
  }
  return 0;
}

}  // namespace

}  // namespace strongroom::aead

int main() {
  std::ios::sync_with_stdio(false);
  return strongroom::aead::Serve();
}
