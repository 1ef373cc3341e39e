// The Env of the real machine.
#pragma once

#include "io/env.h"

namespace strongroom::io {

Env* PosixEnv();  // One for the process; never destroyed.

}  // namespace strongroom::io
