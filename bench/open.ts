// How long is a store away that was killed at its busiest?
import { createHash } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Bucket, open as openStore } from 'strongroom';
import { Child } from './rig/children.ts';
import { median } from './rig/figures.ts';
import { keepInFlight } from './rig/flight.ts';
import { pouredBody, pouredBytes, pouredKey } from './rig/poured.ts';
import { bucketName, copyOfPreloaded } from './rig/preloaded.ts';
import type { Answer, Question, Stand } from './rig/question.ts';

export const open: Question = {
  name: 'open',
  asks: 'kill -9 under load with 1e6 objects to the first answered get, indexes far behind',
  better: 'lower',
  unit: 's',
  goal: 1,
  measures: 's',
  measure,
};

const answer = new URL('./child/answer.mjs', import.meta.url);

async function measure(stand: Stand): Promise<Answer> {
  const { path } = await copyOfPreloaded(stand);
  const rounds = stand.quick ? 2 : 7;
  const figures: number[] = [];
  const floor: number[] = [];
  let first = 0;
  for (let round = 0; round < rounds; round++) {
    const { acknowledged, killedAt } = await pourAndKill(stand, path, first);
    const last = acknowledged.at(-1);
    if (last === undefined) throw new Error('nothing was acknowledged before the kill');
    figures.push(await untilAnswered(path, last, killedAt));
    floor.push(await untilLoaded());
    await requireAll(path, acknowledged);
    const seconds = (figures[round] as number).toFixed(3);
    stand.say(`round ${round + 1}/${rounds}: ${acknowledged.length} puts, killed, ${seconds} s`);
    first = last + farBeyond;
  }
  return { figures, ours: median(figures), floor: median(floor), peers: {} };
}

/** Numbers that no round before can have had in flight. */
const farBeyond = 1_000_000;

interface Poured {
  readonly acknowledged: readonly number[];
  readonly killedAt: number;
}

/** Puts until the index is about as far behind as it gets, then kills. */
async function pourAndKill(stand: Stand, path: string, first: number): Promise<Poured> {
  const program = new URL('./child/pour.ts', import.meta.url);
  const child = Child.start(program, [path, String(first)], process.execArgv);
  const acknowledged = [...(await child.next<number[]>())];
  const reading = (async (): Promise<void> => {
    for await (const numbers of child.rest<number[]>()) acknowledged.push(...numbers);
  })();
  await (stand.quick ? sleep(300) : untilFarBehind(path));
  const killedAt = performance.now();
  await child.kill();
  await reading;
  return { acknowledged, killedAt };
}

/** Seconds from the kill to a get that a new process answered, of the last thing acknowledged. */
async function untilAnswered(path: string, n: number, killedAt: number): Promise<number> {
  const child = Child.start(answer, [path, pouredKey(n)], []);
  const { sha256 } = await child.next<{ sha256: string }>();
  const seconds = (performance.now() - killedAt) / 1000;
  const expected = createHash('sha256').update(pouredBody(n)).digest('hex');
  if (sha256 !== expected) throw new Error(`${pouredKey(n)} was acknowledged and is ${sha256}`);
  await child.end();
  return seconds;
}

/** Seconds that a process takes to start and to load the package. */
async function untilLoaded(): Promise<number> {
  const started = performance.now();
  const child = Child.start(answer, [], []);
  await child.next();
  const seconds = (performance.now() - started) / 1000;
  await child.end();
  return seconds;
}

/**
 * An index writes a table when its memory is full, and lags most just before. So a few tables are
 * watched as they come, and the kill falls near the end of the next interval.
 */
async function untilFarBehind(path: string): Promise<void> {
  const index = join(path, 'zone-1', 'index');
  const deadline = performance.now() + 12_000;
  const tables: number[] = [];
  for (let newest = await newestFile(index); performance.now() < deadline; await sleep(5)) {
    const now = performance.now();
    const last = tables.at(-1) ?? 0;
    const number = await newestFile(index);
    // A compaction writes several files in a row: they count as one.
    if (number > newest && now - last > 100) tables.push(now);
    newest = number;
    if (tables.length < 4) continue;
    const intervals = tables.slice(1).map((moment, i) => moment - (tables[i] as number));
    if (now > last + 0.9 * median(intervals)) return;
  }
}

/** The index numbers its files as it makes them. */
async function newestFile(folder: string): Promise<number> {
  const numbers = (await readdir(folder)).map((name) => Number.parseInt(name, 10) || 0);
  return Math.max(0, ...numbers);
}

/** Throws unless everything that was acknowledged is there, and reads back as far as looked at. */
async function requireAll(path: string, acknowledged: readonly number[]): Promise<void> {
  await using store = await openStore(path, { zones: 3, create: false });
  const bucket = store.bucket(bucketName);
  let i = 0;
  await keepInFlight(64, () => {
    const n = acknowledged[i];
    if (n === undefined) return null;
    return i++ % 50 === 0 ? requireBytes(bucket, n) : requireSize(bucket, n);
  });
}

async function requireSize(bucket: Bucket, n: number): Promise<void> {
  const found = await bucket.head(pouredKey(n));
  if (found?.size !== pouredBytes) throw new Error(`${pouredKey(n)} was acknowledged and is lost`);
}

async function requireBytes(bucket: Bucket, n: number): Promise<void> {
  const bytes = await (await bucket.get(pouredKey(n)))?.bytes();
  if (bytes === undefined || Buffer.compare(bytes, pouredBody(n)) !== 0)
    throw new Error(`${pouredKey(n)} was acknowledged and is lost or other`);
}
