// A zone is replaced: the engine puts a new one in its place, and it is waited for until it has
// everything.
import type { StoreContext } from '../context/store-context.ts';
import { StoreError } from '../errors.ts';
import { aborted, hear, unhear } from '../options.ts';

const lookMs = 100;

/** ZONE_UNAVAILABLE, InvalidArgument, ABORTED, STORE_CLOSED and others of the engine. */
export async function replaceZone(
  context: StoreContext,
  zone: number,
  path: string,
  signal: AbortSignal | undefined,
): Promise<void> {
  // No call inside while it lasts: close() does not wait for it, the engine ends it.
  if (context.closed) throw new StoreError('STORE_CLOSED');
  await unlessAborted(context.engine.replaceZone(zone, path), signal);
  for (;;) {
    const it = await context.step(async () =>
      context.engine.status().zones.find(({ number }) => number === zone),
    );
    if (it?.state === 'ok') return;
    if (it?.inSet === false)
      throw new StoreError('ZONE_UNAVAILABLE', `zone ${zone} is ${it.state}: ${it.reason}`);
    await unlessAborted(new Promise((resolve) => setTimeout(resolve, lookMs)), signal);
  }
}

/** What goes on in the engine goes on. */
async function unlessAborted<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return work;
  let stop = (): void => {};
  const stopped = new Promise<never>((_, reject) => {
    stop = () => reject(aborted(signal));
    if (signal.aborted) stop();
    else hear(signal, stop);
  });
  try {
    return await Promise.race([work, stopped]);
  } finally {
    unhear(signal, stop);
  }
}
