// Planted mistakes: one extra build carries the classic ones, each chosen by its name at run time,
// so that the tests can show that they would have caught it (docs/testing.md). In every other build
// the macro is `false` and its name is gone: nothing of this ships.
//
//   if (!STRONGROOM_BUG("no-directory-fsync")) TRY(env_->SyncDirectory(folder_));
#pragma once

#if defined(STRONGROOM_BUGS)
namespace strongroom {
bool IsBugChosen(const char* name);
}
#define STRONGROOM_BUG(name) ::strongroom::IsBugChosen(name)
#else
#define STRONGROOM_BUG(name) false
#endif
