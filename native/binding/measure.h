// Measure: floors and rates for bench/ that JavaScript cannot reach, on the very primitives that
// the store stands on. Nothing else calls them.
#pragma once

#include <napi.h>

namespace strongroom::binding {

// exports.measure = {
//   directWrite(path, bytes, lanes): Promise<seconds>
//   readAndOpen(path, bytes): Promise<seconds>
//   pipeline(bytes): { pipelineGbps, evpGbps }
// }
void DefineMeasure(Napi::Env env, Napi::Object exports);

}  // namespace strongroom::binding
