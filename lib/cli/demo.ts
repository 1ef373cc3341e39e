// The demo: stores a real directory on three zones, destroys one of them under load, and proves
// that every byte still reads back.
import { mkdir, mkdtemp, readdir, rm, stat, statfs } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { type Bucket, open, type Store } from '../index.ts';
import { loseZone, type UnderLoad } from './demo/lose-zone.ts';
import { difference, inParallel, putFile, type Stored } from './demo/transfer.ts';
import { filesBelow, type SourceTree } from './demo/tree.ts';
import { interruptible } from './interruptible.ts';
import { ProgressBar, sizeText } from './progress-bar.ts';

const width = 32;
const bucketName = 'demo';

interface Pass {
  readonly seconds: number;
  readonly bytes: number;
}

/** Returns the exit code: 1 when a byte differed, a write failed, or no read was degraded. */
export async function demo(directory: string, options: { place?: string }): Promise<number> {
  const tree = await filesBelow(resolve(directory));
  if (tree.files.length === 0) throw new Error(`${directory} holds no files to store`);
  say(`${tree.files.length} files in ${directory}`);
  if (tree.skipped > 0) say(`${tree.skipped} left out: unreadable, or no object key fits the path`);

  const parent = resolve(options.place ?? tmpdir());
  await mkdir(parent, { recursive: true });
  await checkSpace(parent, tree);
  // An interrupted demo stops, closes its store and leaves no gigabytes behind.
  return interruptible(async (signal) => {
    const place = await mkdtemp(join(parent, 'strongroom-demo-'));
    try {
      return await run(tree, join(place, 'store'), signal);
    } finally {
      await rm(place, { recursive: true, force: true, maxRetries: 5 });
    }
  });
}

async function run(tree: SourceTree, path: string, signal: AbortSignal): Promise<number> {
  const wrong: string[] = [];
  let degraded = 0;

  const { stored, put, get, onDisk, load } = await withStore(path, async (store) => {
    const bucket = store.bucket(bucketName);
    const { stored, pass: put } = await putAll(bucket, tree, signal);
    const get = await compareAll(bucket, stored, wrong, 'get', signal);
    const onDisk = await bytesOnDisk(path);
    say('destroying zone-2 while reads and writes go on');
    const load = await loseZone(bucket, stored, join(path, 'zone-2'), signal);
    degraded += await degradedReads(store);
    return { stored, put, get, onDisk, load };
  });
  wrong.push(...load.differences);

  say('reopening with two zones of three');
  const lost = await withStore(path, async (store) => {
    const all = [...stored, ...load.written];
    const pass = await compareAll(store.bucket(bucketName), all, wrong, 'get again', signal);
    degraded += await degradedReads(store);
    return pass;
  });

  for (const each of wrong.slice(0, 10)) say(`differs: ${each}`);
  for (const each of load.failedWrites.slice(0, 10)) say(`write failed: ${each}`);
  printTable(stored, { put, get, lost, load, onDisk });
  console.log(`degraded reads: ${degraded}`);
  console.log(`mismatches: ${wrong.length}`);
  return wrong.length > 0 || load.failedWrites.length > 0 || degraded === 0 ? 1 : 0;
}

async function withStore<T>(path: string, work: (store: Store) => Promise<T>): Promise<T> {
  const store = await open(path, { zones: 3 });
  try {
    return await work(store);
  } finally {
    await store.close();
  }
}

async function putAll(
  bucket: Bucket,
  tree: SourceTree,
  signal: AbortSignal,
): Promise<{ stored: Stored[]; pass: Pass }> {
  const bar = newBar('put      ', tree.files);
  const started = performance.now();
  const stored: Stored[] = [];
  await inParallel(width, tree.files, signal, async (file) => {
    const one = await putFile(bucket, file);
    stored.push(one);
    bar.add(one.size);
  });
  bar.finish();
  return { stored, pass: passSince(started, stored) };
}

async function compareAll(
  bucket: Bucket,
  stored: readonly Stored[],
  wrong: string[],
  label: string,
  signal: AbortSignal,
): Promise<Pass> {
  const bar = newBar(label.padEnd(9), stored);
  const started = performance.now();
  await inParallel(width, stored, signal, async (one) => {
    const found = await difference(bucket, one, (bytes) => bar.add(bytes));
    if (found !== null) wrong.push(`${one.key}: ${found}`);
  });
  bar.finish();
  return passSince(started, stored);
}

/** Counted by the engine: reads that a missing or broken zone could not answer as usual. */
async function degradedReads(store: Store): Promise<number> {
  return (await store.health.status()).degradedReads;
}

function printTable(
  stored: readonly Stored[],
  figures: { put: Pass; get: Pass; lost: Pass; load: UnderLoad; onDisk: number },
): void {
  const { put, get, lost, load, onDisk } = figures;
  const bytes = total(stored);
  const rate = (pass: Pass): string => `${sizeText(pass.bytes / pass.seconds)}/s`;
  const perSecond = Math.round(stored.length / put.seconds);
  const rows: [string, string][] = [
    ['files', String(stored.length)],
    ['bytes', `${bytes} (${sizeText(bytes)})`],
    ['put', `${rate(put)}, ${perSecond} files/s`],
    ['get, three zones', rate(get)],
    ['get, two zones', rate(lost)],
    ['bytes on disk per byte stored', bytes === 0 ? '-' : (onDisk / bytes).toFixed(2)],
    ['writes while the zone was lost', String(load.written.length)],
    ['reads while the zone was lost', String(load.reads)],
    ['longest wait of a call after it', `${Math.round(load.longestWaitMs)} ms`],
  ];
  for (const [name, value] of rows) console.log(`${name.padEnd(32)} ${value}`);
}

/** Three copies of what is small and one and a half of what is large, and room to work in. */
async function checkSpace(parent: string, tree: SourceTree): Promise<void> {
  const workspace = 1024 ** 3;
  const needed = tree.files.reduce(
    (sum, { size }) => sum + size * (size <= 256 * 1024 ? 3 : 1.6),
    workspace,
  );
  const { bavail, bsize } = await statfs(parent);
  if (bavail * bsize >= needed) return;
  const free = sizeText(bavail * bsize);
  throw new Error(`${parent} has ${free} free, ${sizeText(needed)} are needed: try --place`);
}

async function bytesOnDisk(path: string): Promise<number> {
  let sum = 0;
  for (const entry of await readdir(path, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    // Allocated blocks, so that space held in reserve counts and holes do not.
    const info = await stat(join(entry.parentPath, entry.name)).catch(() => null);
    sum += (info?.blocks ?? 0) * 512;
  }
  return sum;
}

function newBar(label: string, items: readonly { size: number }[]): ProgressBar {
  return new ProgressBar(process.stderr, label, total(items), () => performance.now());
}
function passSince(started: number, items: readonly { size: number }[]): Pass {
  return { seconds: (performance.now() - started) / 1000, bytes: total(items) };
}
function total(items: readonly { size: number }[]): number {
  return items.reduce((sum, { size }) => sum + size, 0);
}
function say(text: string): void {
  process.stderr.write(`${text}\n`);
}
