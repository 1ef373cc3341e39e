// Fiber: a stack of its own that runs when it is given the turn, and only then.
//
// Simulated tasks are fibers of the one thread that runs them: to change between two costs a third
// of a microsecond, whereas two threads that pass a baton wait for the kernel's scheduler each
// time, milliseconds on a busy machine. Where the C library has no contexts (musl), or with
// -DSTRONGROOM_FIBER_THREADS, each fiber is a thread that waits for its turn.
#pragma once

namespace strongroom::io {

class Fiber {
 public:
  using Entry = void (*)(void* argument);

  // The fiber of the calling thread itself.
  static Fiber* OfThread();
  // A resting one of this thread's, or a new one. It runs `entry(argument)` at its first turn.
  static Fiber* Take(Entry entry, void* argument);
  // Puts it to rest, to be taken again. It may be the running one, which must then give its turn
  // away for ever: its entry returns when it is taken again.
  static void Give(Fiber* fiber);
  // Leaves it where it stands, for ever; what its stack owns is no leak to the leak checker.
  static void Abandon(Fiber* fiber);
  // The running fiber gives its turn to `to`; returns when it is given it back.
  static void Switch(Fiber* to);

 protected:
  Fiber() = default;
  ~Fiber() = default;
};

}  // namespace strongroom::io
