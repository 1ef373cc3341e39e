// How much room does the log take for what lives in it, while everything is written over and over?
import { randomBytes } from 'node:crypto';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { type Bucket, open } from 'strongroom';
import { requireSpace } from './rig/disk.ts';
import { median } from './rig/figures.ts';
import { keepInFlight } from './rig/flight.ts';
import type { Answer, Question, Stand } from './rig/question.ts';

export const space: Question = {
  name: 'space',
  asks: 'bytes of the log over those that live in it; 16,384 objects of 4 KiB are overwritten',
  better: 'lower',
  unit: 'x',
  goal: 2.25,
  measures: 'MiB',
  measure,
};

const size = 4096;
const mebi = 2 ** 20;

async function measure(stand: Stand): Promise<Answer> {
  const [objects, rounds] = stand.quick ? [2048, 3] : [16_384, 10];
  if (!stand.quick) await requireSpace(stand.data, 3 * 2 ** 30);
  const path = join(stand.place, 'store');
  await using store = await open(path, { zones: 3, rootKey: randomBytes(32) });
  const bucket = store.bucket('space');
  const bodies = Array.from({ length: 64 }, () => randomBytes(size));
  const figures: number[] = [];
  const [logs, lives, files]: number[][] = [[], [], []];
  await overwrite(bucket, bodies, objects, (i) => i);
  const before = (await store.health.status()).log.carriedBytes;
  for (let round = 0; round < rounds; round++) {
    // Any of them, as often as there are: a third is spared in each round, and some go thrice.
    await overwrite(bucket, bodies, objects, () => Math.floor(Math.random() * objects));
    const { log } = await store.health.status();
    figures.push(log.bytes / log.liveBytes);
    logs?.push(log.bytes / mebi);
    lives?.push(log.liveBytes / mebi);
    files?.push((await bytesOf(join(path, 'zone-1', 'log'))) / mebi);
    stand.say(`round ${round + 1}/${rounds}: ${(figures[round] as number).toFixed(2)}`);
  }
  const carried = (await store.health.status()).log.carriedBytes - before;
  return {
    figures,
    ours: median(logs as number[]),
    floor: median(lives as number[]),
    peers: {
      'carried bytes for each byte put': carried / (rounds * objects * size),
      'files, with what is allocated ahead (MiB)': median(files as number[]),
    },
  };
}

function overwrite(
  bucket: Bucket,
  bodies: readonly Buffer[],
  count: number,
  pick: (i: number) => number,
): Promise<void> {
  let next = 0;
  return keepInFlight(64, () => {
    if (next >= count) return null;
    const i = next++;
    return bucket.put(`object-${pick(i)}`, bodies[i % bodies.length] as Buffer);
  });
}

async function bytesOf(folder: string): Promise<number> {
  const sizes = await Promise.all(
    (await readdir(folder)).map(async (name) => {
      try {
        return (await stat(join(folder, name))).size;
      } catch {
        return 0; // Retired in between.
      }
    }),
  );
  return sizes.reduce((sum, bytes) => sum + bytes, 0);
}
