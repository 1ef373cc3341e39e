// What does a lost zone cost a large get?
import { join } from 'node:path';
import { LargeGets } from './rig/large-gets.ts';
import type { Answer, Question, Stand } from './rig/question.ts';
import { alternate } from './rig/rounds.ts';

export const getDegraded: Question = {
  name: 'get-degraded',
  asks: 'get of 64 MiB with one zone gone, over the same with all three',
  better: 'higher',
  unit: 'x',
  goal: 0.5,
  measures: 'bytes/s',
  measure,
};

async function measure(stand: Stand): Promise<Answer> {
  const { place, quick } = stand;
  // Six objects: where data and parity lie differs from one to the next.
  const [count, size] = quick ? [3, 4 * 2 ** 20] : [6, 64 * 2 ** 20];
  const shape = { count, size };
  await using healthy = await LargeGets.create(join(place, 'a'), { ...shape, without2: false });
  await using degraded = await LargeGets.create(join(place, 'b'), { ...shape, without2: true });
  for (const gets of [healthy, degraded]) {
    await gets.check();
    await gets.rate();
  }
  const compared = await alternate(stand, quick ? 2 : 9, {
    ours: () => degraded.rate(),
    floor: () => healthy.rate(),
    restMs: 100,
  });
  await degraded.check();
  if ((await degraded.degradedReads()) === 0) throw new Error('no read was degraded');
  if ((await healthy.degradedReads()) > 0) throw new Error('the healthy store was not healthy');
  return { ...compared, peers: {} };
}
