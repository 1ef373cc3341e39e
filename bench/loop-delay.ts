// Does the store leave the event loop to its owner, whatever it is asked to do?
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Bucket, open } from 'strongroom';
import { Bodies } from './rig/bodies.ts';
import { median } from './rig/figures.ts';
import { keepInFlight } from './rig/flight.ts';
import type { Answer, Question, Stand } from './rig/question.ts';
import { requireBodies, requireBody, requireCount } from './rig/stored.ts';

export const loopDelay: Question = {
  name: 'loop-delay',
  asks: 'event-loop delay p99 under full load, minus idle',
  better: 'lower',
  unit: 'ms',
  goal: 2,
  measures: 'ms',
  measure,
};

async function measure(stand: Stand): Promise<Answer> {
  const { place, quick } = stand;
  const [rounds, idleMs, loadMs] = quick ? [2, 200, 300] : [7, 3000, 8000];
  await using store = await open(join(place, 'store'), { zones: 3, rootKey: randomBytes(32) });
  const load = new FullLoad(store.bucket('bench'), quick ? 2 ** 22 : 2 ** 26);
  await load.during(() => sleep(quick ? 100 : 2000));
  const idle: number[] = [];
  const loaded: number[] = [];
  for (let round = 0; round < rounds; round++) {
    idle.push(await delayDuring(idleMs));
    loaded.push(await load.during(() => delayDuring(loadMs)));
    const [low, high] = [idle[round] as number, loaded[round] as number];
    stand.say(`round ${round + 1}/${rounds}: ${low.toFixed(2)} ms idle, ${high.toFixed(2)} loaded`);
  }
  await load.check();
  const figures = loaded.map((delay, round) => delay - (idle[round] as number));
  return { figures, ours: median(loaded), floor: median(idle), peers: {} };
}

/** p99 in milliseconds: how much later than every millisecond a timer fires. */
async function delayDuring(ms: number): Promise<number> {
  const histogram = monitorEventLoopDelay({ resolution: 1 });
  histogram.enable();
  await sleep(ms);
  histogram.disable();
  return histogram.percentile(99) / 1e6;
}

/**
 * Everything at once: 64 small puts and 64 small gets in flight, two large bodies on their way in
 * and two on their way out as streams, and a listing that never ends.
 */
class FullLoad {
  readonly #bucket: Bucket;
  readonly #small = new Bodies(4096);
  readonly #large: Bodies;
  #puts = 0;
  #largePuts = 0;

  constructor(bucket: Bucket, largeSize: number) {
    this.#bucket = bucket;
    this.#large = new Bodies(largeSize);
  }

  async during<T>(work: () => Promise<T>): Promise<T> {
    // There must be something to get before the gets begin.
    await this.#putSmall();
    await this.#putLarge();
    let ended = false;
    const lanes = (width: number, call: () => Promise<unknown>): Promise<void> =>
      keepInFlight(width, () => (ended ? null : call()));
    const all = Promise.all([
      lanes(64, () => this.#putSmall()),
      lanes(64, () => this.#getSmall()),
      lanes(2, () => this.#putLarge()),
      lanes(2, () => this.#getLarge()),
      lanes(1, () => this.#list()),
    ]);
    try {
      return await Promise.race([work(), all.then(() => Promise.reject(new Error('no load')))]);
    } finally {
      ended = true;
      await all;
    }
  }

  async check(): Promise<void> {
    await requireCount(this.#bucket, 'small/', this.#puts);
    await requireBodies(this.#bucket, smallKey, this.#small, this.#puts);
    for (let n = Math.max(0, this.#largePuts - kept); n < this.#largePuts; n++)
      await requireBody(this.#bucket, largeKey(n), this.#large, n);
  }

  #putSmall(): Promise<unknown> {
    const n = this.#puts++;
    return this.#bucket.put(smallKey(n), this.#small.body(n));
  }

  async #getSmall(): Promise<void> {
    // One that was put a while ago: those in flight may not be there yet.
    const n = Math.floor(Math.random() * Math.max(1, this.#puts - 1000));
    const bytes = await (await this.#bucket.get(smallKey(n)))?.bytes();
    if (bytes?.length !== this.#small.size) throw new Error(`${smallKey(n)} is cut or missing`);
  }

  /** The last few stay; the others go, or a fast disk would be full before the bench ends. */
  async #putLarge(): Promise<void> {
    const n = this.#largePuts++;
    await this.#bucket.put(largeKey(n), pieces(this.#large.body(n)));
    if (n >= kept) await this.#bucket.remove(largeKey(n - kept));
  }

  async #getLarge(): Promise<void> {
    // The newest may still be on their way, and the oldest about to go.
    const n = Math.max(0, this.#largePuts - kept / 2);
    const body = await this.#bucket.get(largeKey(n));
    if (body === null) return;
    let length = 0;
    for await (const piece of body) length += piece.length;
    if (length !== this.#large.size) throw new Error(`${largeKey(n)} is cut`);
  }

  async #list(): Promise<void> {
    for await (const _ of this.#bucket.list({ limit: 10_000 })) {
      // Its entries are made, that is all.
    }
  }
}

const kept = 8;

async function* pieces(body: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < body.length; at += 2 ** 18) yield body.subarray(at, at + 2 ** 18);
}
function smallKey(n: number): string {
  return `small/${n}`;
}
function largeKey(n: number): string {
  return `large/${n}`;
}
