// Random sequences of operations against the simplest model there is: a Map from key to bytes.
// A failure prints its seed; SEED=n repeats it.
import { randomBytes } from 'node:crypto';
import type { ExecutionContext } from 'ava';
import type { Bucket } from '../../lib/index.ts';
import { Dice, found, type Section } from './support.ts';

const steps = 400;

class Model {
  readonly #t: ExecutionContext;
  readonly #dice: Dice;
  readonly #bucket: Bucket;
  readonly #objects = new Map<string, Buffer>();
  readonly #done: string[] = [];

  constructor(t: ExecutionContext, dice: Dice, bucket: Bucket) {
    this.#t = t;
    this.#dice = dice;
    this.#bucket = bucket;
  }

  async run(): Promise<void> {
    try {
      for (let i = 0; i < steps; i++) await this.#step();
    } catch (error) {
      this.#t.log(`SEED=${this.#dice.seed}`, ...this.#done.slice(-20));
      throw error;
    }
  }

  async #step(): Promise<void> {
    const key = this.#key();
    switch (this.#dice.below(8)) {
      case 0:
      case 1:
        return this.#put(key);
      case 2:
        return this.#failedPut(key);
      case 3:
        return this.#remove(key);
      case 4:
        return this.#removeMany([key, this.#key(), this.#key(), key]);
      case 5:
        return this.#list();
      case 6:
        return this.#range(key);
      default:
        return this.#get(key);
    }
  }

  async #put(key: string): Promise<void> {
    const bytes = randomBytes(this.#dice.pick([0, 1, 100, 65_536, 262_144, 262_145, 600_000]));
    this.#done.push(`put ${key} ${bytes.length}`);
    await this.#bucket.put(key, this.#dice.below(2) ? bytes : cut(bytes, this.#dice));
    this.#objects.set(key, bytes);
  }

  async #failedPut(key: string): Promise<void> {
    this.#done.push(`failed put ${key}`);
    const body = (async function* () {
      yield randomBytes(300_000);
      throw new Error('boom');
    })();
    await this.#t.throwsAsync(this.#bucket.put(key, body), { code: 'IncompleteBody' });
  }

  async #remove(key: string): Promise<void> {
    this.#done.push(`remove ${key}`);
    await this.#bucket.remove(key);
    this.#objects.delete(key);
  }

  async #removeMany(keys: string[]): Promise<void> {
    this.#done.push(`remove ${keys}`);
    const { removed, errors } = await this.#bucket.remove(keys);
    this.#t.deepEqual(new Set(removed.map(({ key }) => key)), new Set(keys));
    this.#t.deepEqual(errors, []);
    for (const key of keys) this.#objects.delete(key);
  }

  async #get(key: string): Promise<void> {
    this.#done.push(`get ${key}`);
    const expected = this.#objects.get(key);
    const body = await this.#bucket.get(key);
    this.#t.is(await this.#bucket.has(key), expected !== undefined);
    if (expected === undefined) this.#t.is(body, null);
    else this.#t.true(expected.equals((await body?.bytes()) ?? randomBytes(1)));
  }

  async #range(key: string): Promise<void> {
    const expected = this.#objects.get(key);
    if (expected === undefined || expected.length === 0) return;
    const offset = this.#dice.below(expected.length);
    const length = this.#dice.below(expected.length);
    this.#done.push(`range ${key} ${offset} ${length}`);
    const body = await found(this.#bucket.get(key, { range: { offset, length } }));
    this.#t.true(expected.subarray(offset, offset + length).equals(await body.bytes()));
  }

  async #list(): Promise<void> {
    this.#done.push('list');
    const sizes = (await this.#bucket.list().toArray()).map(({ key, size }) => [key, size]);
    const expected = [...this.#objects].map(([key, bytes]) => [key, bytes.length]);
    this.#t.deepEqual(sizes, expected.sort());
  }

  #key(): string {
    return `key-${this.#dice.below(12)}`;
  }
}

function* cut(bytes: Buffer, dice: Dice): Generator<Buffer> {
  for (let at = 0; at < bytes.length; ) {
    const piece = bytes.subarray(at, at + 1 + dice.below(200_000));
    yield piece;
    at += piece.length;
  }
}

export const randomSection: Section = (withStore) => {
  withStore('agrees with a Map over random operations', async (t, store) => {
    await store.createBucket('docs');
    const dice = new Dice();
    await new Model(t, dice, store.bucket('docs')).run();
  });

  withStore('gives concurrent callers one of the bodies that were put', async (t, store) => {
    const bucket = store.bucket('docs');
    const bodies = Array.from({ length: 8 }, (_, i) => Buffer.alloc(i % 2 ? 300_000 : 1000, i));
    await bucket.put('key', bodies[0] ?? '');
    const puts = bodies.map((body) => bucket.put('key', body));
    const gets = bodies.map(async () => (await found(bucket.get('key'))).bytes());
    await Promise.all(puts);
    for (const got of await Promise.all(gets))
      t.true(
        bodies.some((body) => body.equals(got)),
        'a mixture of bodies',
      );
    const last = await (await found(bucket.get('key'))).bytes();
    t.true(bodies.some((body) => body.equals(last)));
  });
};
