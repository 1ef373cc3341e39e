// Destroys a zone under load: readers and writers go on while its directory is renamed away and
// every file in it, open ones included, is truncated to nothing.
import { randomBytes, randomInt } from 'node:crypto';
import { readdir, rename, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import type { Bucket } from '../../index.ts';
import { difference, putBytes, type Stored } from './transfer.ts';

export interface UnderLoad {
  /** Acknowledged writes, before and after the loss. */
  readonly written: readonly Stored[];
  readonly reads: number;
  readonly differences: readonly string[];
  readonly failedWrites: readonly string[];
  /** Longest time that any call took once the zone was gone. */
  readonly longestWaitMs: number;
}

const writers = 4;
const readers = 4;
const writesBefore = 64;
const writesAfter = 256;
const readsAfter = 512;
/** From one small piece of the log to a large blob in files of its own. */
const sizes = [100, 4096, 60_000, 300_000, 600_000] as const;

/**
 * Reads `stored` at random and writes new objects; destroys `zone` in the middle of it. Returns
 * when enough calls have been answered without the zone.
 */
export async function loseZone(
  bucket: Bucket,
  stored: readonly Stored[],
  zone: string,
  signal: AbortSignal,
): Promise<UnderLoad> {
  const written: Stored[] = [];
  const differences: string[] = [];
  const failedWrites: string[] = [];
  let reads = 0;
  let longestWaitMs = 0;
  let gone: { writes: number; reads: number } | null = null;
  let named = 0;

  const enough = (): boolean =>
    signal.aborted ||
    failedWrites.length > 0 ||
    (gone !== null &&
      written.length - gone.writes >= writesAfter &&
      reads - gone.reads >= readsAfter);
  const timed = async <T>(call: () => Promise<T>): Promise<T> => {
    const started = performance.now();
    try {
      return await call();
    } finally {
      if (gone !== null) longestWaitMs = Math.max(longestWaitMs, performance.now() - started);
    }
  };
  const write = async (): Promise<void> => {
    const number = named++;
    const bytes = randomBytes(sizes[number % sizes.length] ?? 0);
    try {
      written.push(await timed(() => putBytes(bucket, `meanwhile/${number}`, bytes)));
    } catch (error) {
      failedWrites.push(String(error));
    }
  };
  const read = async (): Promise<void> => {
    const chosen = randomInt(stored.length + written.length);
    const one = stored[chosen] ?? written[chosen - stored.length];
    if (one === undefined) return;
    const wrong = await timed(() => difference(bucket, one, () => {}));
    reads++;
    if (wrong !== null) differences.push(`${one.key}: ${wrong}`);
  };
  const loop = async (call: () => Promise<void>): Promise<void> => {
    while (!enough()) await call();
  };
  const destroy = async (): Promise<void> => {
    while (written.length < writesBefore && !enough()) await nextMoment();
    await destroyZone(zone);
    gone = { writes: written.length, reads };
  };
  await Promise.all([
    destroy(),
    ...Array.from({ length: writers }, () => loop(write)),
    ...Array.from({ length: readers }, () => loop(read)),
  ]);
  signal.throwIfAborted();
  return { written, reads, differences, failedWrites, longestWaitMs };
}

async function destroyZone(zone: string): Promise<void> {
  const away = `${zone}.destroyed`;
  await rename(zone, away);
  for (const entry of await readdir(away, { recursive: true, withFileTypes: true })) {
    if (entry.isFile()) await truncate(join(entry.parentPath, entry.name));
  }
}

function nextMoment(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 5));
}
