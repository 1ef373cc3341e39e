// A run that is followed ends before whoever followed it hears of a failure: what it wrote may be
// removed then.
import test from 'ava';
import { Events } from '../../lib/context/events.ts';
import { StoreContext } from '../../lib/context/store-context.ts';
import { MemoryEngine } from '../../lib/engine/memory-engine.ts';
import type { Verifying, VerifyNews } from '../../lib/engine/storage-engine.ts';
import { followRun } from '../../lib/store/engine-run.ts';

const none = { bytes: 0, records: 0, cells: 0, rows: 0, findings: [], sequence: 0, written: 0 };

test('a store that closes amid a run is told of only when the run is over', async (t) => {
  const settings = { autoCreateBuckets: true, now: Date.now };
  const context = new StoreContext(new MemoryEngine(), new Events(':memory:', undefined), settings);
  let [stopped, turns, over] = [false, 0, false];
  const run: Verifying = {
    async next(): Promise<VerifyNews> {
      await new Promise((resolve) => setTimeout(resolve, 10));
      if (++turns === 1) context.shut();
      over = stopped && turns === 4; // A thread that is amid a call to a disk.
      return { ...none, over };
    },
    stop() {
      stopped = true;
    },
  };
  const followed = followRun(context, { begin: () => run, take() {}, signal: undefined });
  await t.throwsAsync(followed, { code: 'STORE_CLOSED' });
  t.true(over);
});
