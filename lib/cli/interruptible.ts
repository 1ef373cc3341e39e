// Work that a user may end with Ctrl-C: it hears of it by a signal, and leaves nothing behind.

const interruptedCode = 130; // As a shell reports the end by SIGINT.

/** @returns the exit code of `work`, or that of an interruption when it threw because of one */
export async function interruptible(
  work: (signal: AbortSignal) => Promise<number>,
): Promise<number> {
  const stop = new AbortController();
  const interrupted = (): void => stop.abort();
  process.once('SIGINT', interrupted);
  process.once('SIGTERM', interrupted);
  try {
    return await work(stop.signal);
  } catch (error) {
    if (stop.signal.aborted) return interruptedCode;
    throw error;
  } finally {
    process.off('SIGINT', interrupted);
    process.off('SIGTERM', interrupted);
  }
}
