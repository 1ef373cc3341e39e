// Which mistake is to be made: the one that the environment variable STRONGROOM_BUG names.
#include <cstdlib>
#include <cstring>

#include "base/bugs.h"

namespace strongroom {

bool IsBugChosen(const char* name) {
  static const char* const chosen = getenv("STRONGROOM_BUG");
  return chosen != nullptr && strcmp(chosen, name) == 0;
}

}  // namespace strongroom
