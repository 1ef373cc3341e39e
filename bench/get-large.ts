// What does a large get cost beside reading and opening the same bytes?
import { join } from 'node:path';
import { LargeGets } from './rig/large-gets.ts';
import { measured } from './rig/native.ts';
import type { Answer, Question, Stand } from './rig/question.ts';
import { alternate } from './rig/rounds.ts';

export const getLarge: Question = {
  name: 'get-large',
  asks: 'get of 64 MiB, page cache warm, over pread + EVP open of the same bytes, one thread',
  better: 'higher',
  unit: 'x',
  goal: 0.8,
  measures: 'bytes/s',
  measure,
};

async function measure(stand: Stand): Promise<Answer> {
  const { place, quick } = stand;
  const size = (quick ? 4 : 64) * 2 ** 20;
  const [count, passes] = quick ? [2, 1] : [4, 2];
  const { readAndOpen } = await measured();
  const sealed = join(place, 'sealed');
  const store = join(place, 'store');
  await using gets = await LargeGets.create(store, { count, size, without2: false });
  await gets.check();
  await gets.rate();
  await readAndOpen(sealed, size);
  const compared = await alternate(stand, quick ? 2 : 9, {
    ours: async () => {
      let sum = 0;
      for (let i = 0; i < passes; i++) sum += await gets.rate();
      return sum / passes;
    },
    floor: async () => {
      let seconds = 0;
      for (let i = 0; i < count * passes; i++) seconds += await readAndOpen(sealed, size);
      return (count * passes * size) / seconds;
    },
    restMs: 100,
  });
  await gets.check();
  return { ...compared, peers: {} };
}
