// Is memory bounded, whatever flows through?
import { join } from 'node:path';
import { Child } from './rig/children.ts';
import { requireSpace } from './rig/disk.ts';
import type { Answer, Question, Stand } from './rig/question.ts';
import type { Reading } from './rig/resident.ts';

export const memory: Question = {
  name: 'memory',
  asks: 'peak RSS minus RSS after warm-up; 10 GiB in and out in five rounds of 2 GiB',
  better: 'lower',
  unit: 'MiB',
  goal: 96,
  measures: 'MiB',
  measure,
};

async function measure(stand: Stand): Promise<Answer> {
  const { place, data, quick } = stand;
  const [rounds, size] = quick ? [2, 2 ** 25] : [5, 2 ** 31];
  if (!quick) await requireSpace(data, 8 * 2 ** 30);
  const program = new URL('./child/flow.ts', import.meta.url);
  const args = [join(place, 'store'), String(rounds), String(size)];
  const child = Child.start(program, args, process.execArgv);
  // One reading after the warm-up, one after each round.
  const { rss: before } = await child.next<Reading>();
  const figures: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const { rss, peak } = await child.next<Reading>();
    figures.push(peak - before);
    stand.say(`round ${round + 1}/${rounds}: ${before} MiB before, peak ${peak}, now ${rss}`);
  }
  await child.end();
  // A peak is a peak: the worst round decides, no median.
  const ratio = Math.max(...figures);
  return { figures, ratio, ours: before + ratio, floor: before, peers: {} };
}
