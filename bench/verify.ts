// What does looking at every byte of three zones cost beside reading the same files?
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { open } from 'strongroom';
import type { Answer, Question, Stand } from './rig/question.ts';
import { alternate } from './rig/rounds.ts';

export const verify: Question = {
  name: 'verify',
  asks: 'health.verify() of large and small objects, over dd of the same files past the page cache',
  better: 'higher',
  unit: 'x',
  goal: 0.5,
  measures: 'bytes/s',
  measure,
};

const largeSize = 64 * 2 ** 20;
const smallSize = 4096;
const inFlight = 64;

async function measure(stand: Stand): Promise<Answer> {
  const { place, quick } = stand;
  const path = join(place, 'store');
  const [larges, smalls] = quick ? [1, 200] : [8, 40_000];
  await using store = await open(path, { zones: 3, rootKey: randomBytes(32) });
  const bucket = store.bucket('verified');
  for (let i = 0; i < larges; i++) await bucket.put(`large/${i}`, randomBytes(largeSize));
  for (let i = 0; i < smalls; i += inFlight) {
    const keys = Array.from({ length: Math.min(inFlight, smalls - i) }, (_, n) => `small/${i + n}`);
    await Promise.all(keys.map((key) => bucket.put(key, randomBytes(smallSize))));
  }
  const files = await filesOf(path);
  const size = files.reduce((sum, file) => sum + file.size, 0);
  stand.say(`${files.length} files, ${Math.round(size / 2 ** 20)} MiB`);
  const compared = await alternate(stand, quick ? 1 : 5, {
    ours: async () => {
      const started = performance.now();
      const report = await store.health.verify();
      const seconds = (performance.now() - started) / 1000;
      if (report.found > 0) throw new Error(`damaged: ${JSON.stringify(report.findings[0])}`);
      if (report.bytes < size / 2)
        throw new Error(`only ${report.bytes} of ${size} bytes were read`);
      // What it read: the ends of segments that were never written are none of its business.
      return report.bytes / seconds;
    },
    floor: async () => {
      const started = performance.now();
      for (const file of files) await read(file.path);
      return size / ((performance.now() - started) / 1000);
    },
    restMs: 100,
  });
  return { ...compared, peers: {} };
}

interface Sized {
  readonly path: string;
  readonly size: number;
}

/** What verify() looks at: the logs and the large objects' files. */
async function filesOf(store: string): Promise<Sized[]> {
  const files: Sized[] = [];
  for (const zone of [1, 2, 3])
    for (const part of ['log', 'blob']) {
      const folder = join(store, `zone-${zone}`, part);
      for (const name of await readdir(folder, { recursive: true })) {
        const info = await stat(join(folder, name));
        if (info.isFile()) files.push({ path: join(folder, name), size: info.size });
      }
    }
  return files;
}

/** Past the page cache, as verify() reads; Node has no way of its own. */
async function read(path: string): Promise<void> {
  const dd = spawn('dd', [`if=${path}`, 'of=/dev/null', 'bs=1M', 'iflag=direct'], {
    stdio: 'ignore',
  });
  const code = await new Promise((end, fail) => dd.on('error', fail).on('close', end));
  if (code !== 0) throw new Error(`dd could not read ${path}`);
}
