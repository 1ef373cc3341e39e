// What the sections of the store suite share.
import { randomBytes, randomInt } from 'node:crypto';
import type { ExecutionContext, TestFn } from 'ava';
import type { StorageEngine } from '../../lib/engine/storage-engine.ts';
import type { ErrorCode, OpenOptions, Store } from '../../lib/index.ts';
import { StoreError } from '../../lib/index.ts';

export type OpenStore = (
  t: ExecutionContext,
  options?: Pick<OpenOptions, 'autoCreateBuckets' | 'clock' | 'logger'>,
) => Promise<Store>;

/** Declares one test that gets a fresh store. */
export type WithStore = (
  title: string,
  body: (t: ExecutionContext, store: Store) => Promise<void>,
  options?: Parameters<OpenStore>[1],
) => void;

/** Declares one test of an engine's suite, which gets a fresh engine. */
export type WithEngine = (
  title: string,
  body: (t: ExecutionContext, engine: StorageEngine) => Promise<void>,
) => void;

/** A part of the suite. */
export type Section = (withStore: WithStore) => void;

export function withStoreOf(test: TestFn, name: string, openStore: OpenStore): WithStore {
  return (title, body, options) =>
    test(`${name}: ${title}`, async (t) => body(t, await openStore(t, options)));
}

/** The object, which must be there. */
export async function found<T>(promise: Promise<T | null>): Promise<T> {
  const object = await promise;
  if (object === null) throw new Error('the object is missing');
  return object;
}

/** The StoreError with which `promise` rejects; its code must be `code`. */
export async function rejection(
  t: ExecutionContext,
  promise: Promise<unknown>,
  code: ErrorCode,
  about?: string,
): Promise<StoreError> {
  const outcome = await promise.then(
    (value) => ({ value }),
    (error: unknown) => ({ error }),
  );
  if (!('error' in outcome)) {
    t.fail(`${about ?? ''}: resolved, ${code} was expected`);
    throw new Error('resolved');
  }
  const { error } = outcome;
  if (!StoreError.is(error, code)) {
    t.fail(`${about ?? ''}: ${code} was expected, not ${String(error)}`);
    throw error;
  }
  t.is(error.code, code);
  return error;
}

export async function bytesOf(iterable: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  for await (const piece of iterable) pieces.push(piece);
  return Buffer.concat(pieces);
}

export async function all<T>(iterable: AsyncIterable<T>): Promise<T[]> {
  const values: T[] = [];
  for await (const value of iterable) values.push(value);
  return values;
}

/** Random numbers that a printed seed repeats: mulberry32. */
export class Dice {
  readonly seed: number;
  #state: number;

  constructor(seed: number = Number(process.env.SEED ?? randomInt(2 ** 32))) {
    this.seed = seed >>> 0;
    this.#state = this.seed;
  }

  /** An integer from 0 to below `count`. */
  below(count: number): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let x = this.#state;
    x = Math.imul(x ^ (x >>> 15), x | 1);
    x ^= x + Math.imul(x ^ (x >>> 7), x | 61);
    return Math.floor((((x ^ (x >>> 14)) >>> 0) / 2 ** 32) * count);
  }

  pick<T>(values: readonly T[]): T {
    return values[this.below(values.length)] as T;
  }
}

export const stripe: number = 256 * 1024;
export const megabyte: number = 1 << 20;

/** Random bytes of the sizes around which an engine changes its ways. */
export function edgeBodies(): Map<number, Buffer> {
  const chunk = 65_536;
  const sizes = [
    0,
    1,
    chunk - 1,
    chunk,
    chunk + 1,
    stripe - 1,
    stripe,
    stripe + 1,
    3 * stripe + 17,
  ];
  return new Map(sizes.map((size) => [size, randomBytes(size)]));
}
