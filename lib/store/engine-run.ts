// A run of the engine that takes its time, a verification or a backup, followed to its end.
import type { StoreContext } from '../context/store-context.ts';
import type { Verifying, VerifyNews } from '../engine/storage-engine.ts';
import { aborted } from '../options.ts';

export interface Following {
  readonly begin: () => Verifying;
  readonly take: (news: VerifyNews, before: VerifyNews | null) => void;
  readonly signal: AbortSignal | undefined;
}

/** The last news. Each wait is a call of its own, so that close() goes on. ABORTED, STORE_CLOSED */
export async function followRun(
  context: StoreContext,
  { begin, take, signal }: Following,
): Promise<VerifyNews> {
  if (signal?.aborted) throw aborted(signal);
  const run = await context.step(async () => begin());
  const stop = (): void => run.stop();
  signal?.addEventListener('abort', stop, { once: true });
  let before: VerifyNews | null = null;
  try {
    for (;;) {
      const news = await context.step(() => run.next());
      take(news, before);
      if (news.over) return news;
      before = news;
    }
  } catch (error) {
    await ended(run);
    if (signal?.aborted) throw aborted(signal);
    throw error;
  } finally {
    run.stop();
    signal?.removeEventListener('abort', stop);
  }
}

/** Whoever hears of its failure may remove what it wrote: by then it writes no more. */
async function ended(run: Verifying): Promise<void> {
  run.stop();
  try {
    while (!(await run.next()).over);
  } catch {
    // So it ended, now or before.
  }
}
