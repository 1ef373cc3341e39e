// The module: what Node loads.
#include <napi.h>

static Napi::Object Init(Napi::Env, Napi::Object exports) { return exports; }
NODE_API_MODULE(strongroom, Init)
