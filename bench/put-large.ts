// How near does a large put come to the disk itself?
import { randomBytes } from 'node:crypto';
import { open as openFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { open } from 'strongroom';
import { Bodies } from './rig/bodies.ts';
import { requireSpace } from './rig/disk.ts';
import { timed } from './rig/flight.ts';
import { type Measured, measured } from './rig/native.ts';
import type { Answer, Question, Stand } from './rig/question.ts';
import { alternate } from './rig/rounds.ts';
import { requireBody, requireCount } from './rig/stored.ts';

export const putLarge: Question = {
  name: 'put-large',
  asks: 'put of 64 MiB, 4+2, over the better of O_DIRECT and write + fdatasync of 96 MiB',
  better: 'higher',
  unit: 'x',
  goal: 0.8,
  measures: 'bytes/s',
  measure,
};

const mebibyte = 2 ** 20;

async function measure(stand: Stand): Promise<Answer> {
  const { place, data, quick } = stand;
  const size = (quick ? 4 : 64) * mebibyte;
  const turns = quick ? 1 : 4;
  if (!quick) await requireSpace(data, 8 * 2 ** 30);
  const { directWrite } = await measured();
  const bodies = new Bodies(size);
  await using store = await open(join(place, 'store'), { zones: 3, rootKey: randomBytes(32) });
  const bucket = store.bucket('bench');
  let puts = 0;
  const put = (): Promise<unknown> => bucket.put(`large/${puts}`, bodies.body(puts++));
  const floor = new Floor(join(place, 'floor'), size * 1.5, bodies, directWrite);
  await put();
  await floor.seconds(0);
  const compared = await alternate(stand, quick ? 2 : 7, {
    ours: async () => {
      const seconds = await timed(async () => {
        for (let i = 0; i < turns; i++) await put();
      });
      await requireBody(bucket, `large/${puts - 1}`, bodies, puts - 1);
      return (turns * size) / seconds;
    },
    floor: async (round) => size / (await floor.seconds(round)),
    restMs: 300,
  });
  await requireCount(bucket, 'large/', puts);
  for (let n = 0; n < puts; n++)
    if ((await bucket.head(`large/${n}`))?.size !== size) throw new Error(`large/${n} is cut`);
  return { ...compared, peers: floor.ways() };
}

/** Ways to put the same number of bytes on the disk, each in a new file. */
class Floor {
  readonly #path: string;
  readonly #bytes: number;
  readonly #bodies: Bodies;
  readonly #directWrite: Measured['directWrite'];
  readonly #best = new Map<string, number>();

  constructor(path: string, bytes: number, bodies: Bodies, directWrite: Measured['directWrite']) {
    this.#path = path;
    this.#bytes = bytes;
    this.#bodies = bodies;
    this.#directWrite = directWrite;
  }

  /** Of the fastest way in this round. */
  async seconds(round: number): Promise<number> {
    const path = `${this.#path}-${round}`;
    const ways: [string, () => Promise<number>][] = [
      ['O_DIRECT, 1 lane', () => this.#directWrite(path, this.#bytes, 1)],
      ['O_DIRECT, 4 lanes', () => this.#directWrite(path, this.#bytes, 4)],
      ['write + fdatasync', () => this.#buffered(path, round)],
    ];
    let fastest = Number.POSITIVE_INFINITY;
    for (const [name, way] of ways) {
      // Two tries each: a floor is what the disk can do, not what it did once.
      const seconds = Math.min(await way(), await way());
      this.#best.set(name, Math.min(seconds, this.#best.get(name) ?? seconds));
      fastest = Math.min(fastest, seconds);
      await rm(path);
    }
    return fastest;
  }

  async #buffered(path: string, round: number): Promise<number> {
    const body = this.#bodies.body(round);
    const file = await openFile(path, 'w');
    try {
      return await timed(async () => {
        for (let at = 0; at < this.#bytes; at += body.length)
          await file.write(body, 0, Math.min(body.length, this.#bytes - at), at);
        await file.datasync();
      });
    } finally {
      await file.close();
    }
  }

  /** Object bytes per second of each way at its best. */
  ways(): Record<string, number> {
    const rate = (seconds: number): number => this.#bytes / 1.5 / seconds;
    return Object.fromEntries([...this.#best].map(([name, seconds]) => [name, rate(seconds)]));
  }
}
