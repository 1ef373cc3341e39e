// Acknowledged means stored: what a store said it took is counted and read back.
import type { Bucket } from 'strongroom';
import type { Bodies } from './bodies.ts';
import { keepInFlight } from './flight.ts';

/** Throws unless exactly `expected` objects are listed. */
export async function requireCount(
  bucket: Bucket,
  prefix: string,
  expected: number,
): Promise<void> {
  let count = 0;
  for await (const page of bucket.list({ prefix }).pages()) count += page.objects.length;
  if (count !== expected)
    throw new Error(`${expected} puts were acknowledged, ${count} objects are stored`);
}

/** Throws unless the object's bytes are body n. */
export async function requireBody(
  bucket: Bucket,
  key: string,
  bodies: Bodies,
  n: number,
): Promise<void> {
  bodies.check(n, await (await bucket.get(key))?.bytes(), key);
}

/** The same for up to `sample` of the objects 0..count-1, evenly spread. */
export async function requireBodies(
  bucket: Bucket,
  keyOf: (n: number) => string,
  bodies: Bodies,
  count: number,
  sample = 20_000,
): Promise<void> {
  const step = Math.max(1, count / sample);
  let at = 0;
  await keepInFlight(32, () => {
    const n = Math.floor(at);
    if (n >= count) return null;
    at += step;
    return requireBody(bucket, keyOf(n), bodies, n);
  });
}
