// Keeps a fixed number of calls in flight: what a busy server does to a store.

/** Goes on until `next` has no more calls (null); the first failure ends it. */
export async function keepInFlight(
  width: number,
  next: () => Promise<unknown> | null,
): Promise<void> {
  let failed = false;
  const lane = async (): Promise<void> => {
    try {
      while (!failed) {
        const call = next();
        if (call === null) return;
        await call;
      }
    } catch (error) {
      failed = true;
      throw error;
    }
  };
  // All lanes are waited for, so that nothing is in flight when the caller goes on.
  const ended = await Promise.allSettled(Array.from({ length: width }, lane));
  for (const each of ended) if (each.status === 'rejected') throw each.reason;
}

/** Calls per second over a window of time; the window ends when the last call has answered. */
export async function rateOver(
  seconds: number,
  width: number,
  call: () => Promise<unknown>,
): Promise<number> {
  const started = performance.now();
  const until = started + seconds * 1000;
  let count = 0;
  await keepInFlight(width, () => {
    if (performance.now() >= until) return null;
    count++;
    return call();
  });
  return (count * 1000) / (performance.now() - started);
}

/** Seconds that `work` takes. */
export async function timed(work: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  await work();
  return (performance.now() - started) / 1000;
}
