// Switching a zone's log for one that goes on further, all at once: how a backup moves to a later
// moment.
//
//   log.next   the segments that are new, or longer than the zone's, while they are written. Nobody
//              reads them; whoever writes the next ones begins by removing these
//   log.ready  the same folder, whole and proven: from its rename on they are the zone's
//
//   write log.next -> prove it -> rename to log.ready, sync the zone's folder   <- the moment
//   -> rename each segment into log, over what it replaces -> remove the empty folder
//
// A crash before the moment leaves the log as it was. After it, whoever locks the zone next
// finishes the switch first: every segment is in one of both folders, and moving one again changes
// nothing. A segment that nothing replaces stays where it is: what the log's last record says is
// retired counts for nothing.
#pragma once

#include <string>

#include "base/status.h"
#include "io/env.h"

namespace strongroom::log {

extern const char kNextLog[];
extern const char kReadyLog[];

// REQUIRES, of all: the zone's lock is held.

// An empty log.next. REQUIRES: no switch is to be finished.
Status BeginNextLog(io::Env* env, const std::string& zone_path);
// Removes log.next, if there is one.
Status DropNextLog(io::Env* env, const std::string& zone_path);
// REQUIRES: log.next and all in it is durable, and with it in place the log is whole.
Status SwitchLog(io::Env* env, const std::string& zone_path);
// Whether a switch is to be finished.
Result<bool> IsSwitching(io::Env* env, const std::string& zone_path);
// Does it.
Status FinishSwitch(io::Env* env, const std::string& zone_path);

}  // namespace strongroom::log
