// The same puts for a minute over a million objects: do the indexes keep up?
import { open } from 'strongroom';
import { requireSpace } from './rig/disk.ts';
import { bucketName, copyOfPreloaded } from './rig/preloaded.ts';
import type { Answer, Question, Stand } from './rig/question.ts';
import { alternate } from './rig/rounds.ts';
import { SmallPuts } from './rig/small-puts.ts';

export const putSustained: Question = {
  name: 'put-sustained',
  asks: 'put-small for five windows of 12 s over 1e6 preloaded objects, indexes compacting',
  better: 'higher',
  unit: 'x',
  goal: 2.5,
  measures: 'puts/s',
  measure,
};

async function measure(stand: Stand): Promise<Answer> {
  const { place, data, quick } = stand;
  const seconds = quick ? 0.2 : 12;
  // 60 s of puts: three copies of 5 KiB each.
  if (!quick) await requireSpace(data, 32 * 2 ** 30);
  const { path } = await copyOfPreloaded(stand);
  await using store = await open(path, { zones: 3, create: false });
  const puts = await SmallPuts.create(store.bucket(bucketName), place);
  const compared = await alternate(stand, quick ? 2 : 5, {
    ours: () => puts.ours(seconds),
    floor: () => puts.floor(seconds),
    // Long enough that our compactions do not slow the floor's window down.
    restMs: 1500,
  });
  await puts.check();
  return { ...compared, peers: {} };
}
