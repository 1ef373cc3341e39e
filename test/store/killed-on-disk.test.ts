// Processes that die by SIGKILL at any of their commits, before, amid and after it, over three
// zones on disk: what the next one finds is whole, absent, or can be gone on with. An upload is a
// chain of such processes, each of which checks what its predecessor left.
//   STRONGROOM_EXHAUSTIVE=0 npx ava test/store/killed-on-disk.test.ts    # all 10,000 parts
import { execFile } from 'node:child_process';
import { cp, link, readdir, readFile, rm } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import test, { type ExecutionContext } from 'ava';
import { open } from '../../lib/index.ts';
import type { Bucket } from '../../lib/store/bucket.ts';
import '../support/built-package.ts'; // The child runs what was built: refuse what is out of date.
import { temporaryFolder } from '../support/temporary-folder.ts';

const program = fileURLToPath(new URL('../support/mortal-child.mjs', import.meta.url));
const everyPart = process.env.STRONGROOM_EXHAUSTIVE === '0';
const parts = Number(process.env.STRONGROOM_KILLED_PARTS ?? (everyPart ? 10_000 : 5));
/** Processes that go on with what the one before them left, each for one commit. */
const chain = 100;
/** Chains at once: most of what a process does is to wait for a disk. */
const lanes = 3;

interface Life {
  readonly folder: string;
  readonly work: 'prepare' | 'transaction' | 'removal' | 'parts' | 'upload';
  /** The commit that it dies at; 0: none. */
  readonly at: number;
  readonly how?: 'before' | 'amid' | 'after';
  readonly pauseMs?: number;
  readonly parts?: number;
}

/** True when it came to its end, false when it was killed as it was meant to be. */
function live(t: ExecutionContext, life: Life): Promise<boolean> {
  return new Promise((resolve) => {
    const args = [program, JSON.stringify(life)];
    const child = execFile(process.execPath, args, (_error, _stdout, stderr) => {
      const killed = child.signalCode === 'SIGKILL' && life.at > 0;
      t.true(killed || child.exitCode === 0, `${JSON.stringify(life)}: ${stderr}`);
      resolve(child.exitCode === 0);
    });
  });
}

async function prepared(t: ExecutionContext): Promise<string> {
  const folder = join(await temporaryFolder(t), 'prepared');
  t.true(await live(t, { folder, work: 'prepare', at: 0 }));
  return folder;
}

async function inspect(folder: string, look: (bucket: Bucket) => Promise<void>): Promise<void> {
  const rootKey = new Uint8Array(32).fill(7);
  await using store = await open(join(folder, 'store'), { zones: 3, rootKey, create: false });
  await look(store.bucket('docs'));
}

/** Amid takes several tries: as many pauses, over about what a commit takes. */
const everyDeath = [
  { how: 'before' },
  ...[0, 0.2, 0.6, 1.2, 2.5].map((pauseMs) => ({ how: 'amid', pauseMs }) as const),
  { how: 'after' },
] as const;
const deaths = everyPart ? everyDeath : everyDeath.slice(3, 4);

/** Runs `work` over copies of one store, dying at each of its commits in each way. */
async function dieAtEvery(
  t: ExecutionContext,
  source: string,
  life: Omit<Life, 'folder' | 'at' | 'how'>,
  look: (folder: string) => Promise<void>,
): Promise<void> {
  const folder = join(source, '../copy');
  for (let at = 1; ; at++) {
    let ended = false;
    for (const death of deaths) {
      await cp(source, folder, { recursive: true });
      ended = await live(t, { ...life, ...death, folder, at });
      await look(folder);
      await rm(folder, { recursive: true });
    }
    if (!ended) continue;
    t.true(at > 1);
    t.log(`died at ${at - 1} commits, in ${deaths.length} ways`);
    return;
  }
}

const under = async (bucket: Bucket, prefix: string): Promise<string[]> =>
  (await bucket.list({ prefix }).toArray()).map(({ key }) => key.slice(prefix.length));

test.serial('a killed transaction of 256 changes is there whole or not at all', async (t) => {
  const source = await prepared(t);
  await dieAtEvery(t, source, { work: 'transaction' }, (folder) =>
    inspect(folder, async (bucket) => {
      const [before, after] = [await under(bucket, 'old/'), await under(bucket, 'new/')];
      t.deepEqual([before.length, after.length].sort(), [0, 128], 'old or new, never both');
      for (const key of after) t.is(await (await bucket.get(`new/${key}`))?.text(), key);
    }),
  );
});

test.serial('a killed removal of 1,000 keys is gone on with', async (t) => {
  const source = await prepared(t);
  await dieAtEvery(t, source, { work: 'removal' }, async (folder) => {
    await inspect(folder, async (bucket) => {
      for (const key of await under(bucket, 'gone/'))
        t.is(await (await bucket.get(`gone/${key}`))?.text(), key);
      t.is((await under(bucket, 'old/')).length, 128);
    });
    t.true(await live(t, { folder, work: 'removal', at: 0 }));
  });
});

/** Parts that the journal knows of. */
async function journaled(folder: string): Promise<number> {
  const journal = await readFile(join(folder, 'journal'), 'utf8').catch(() => '');
  return journal.split('\n').length - 1;
}

/** A copy of a store that nobody has open. Only the last segment of a log is ever written again. */
async function forked(source: string, folder: string): Promise<void> {
  const shared: string[] = [];
  for (const log of [1, 2, 3].map((number) => `store/zone-${number}/log`)) {
    const names = (await readdir(join(source, log))).sort();
    shared.push(...names.slice(0, -1).map((name) => join(log, name)));
  }
  const isOwn = (path: string) => !shared.includes(relative(source, path));
  await cp(source, folder, { recursive: true, filter: isOwn });
  for (const name of shared) await link(join(source, name), join(folder, name));
}

test.serial(`an upload of ${parts} parts, killed at each of its commits, goes on`, async (t) => {
  // Without news of a test for so long, everything that runs beside it is given up, too.
  t.timeout(parts > 5 ? 12 * 60 * 60_000 : 180_000);
  const source = await prepared(t);
  const work = { work: 'parts', parts } as const;
  let killed = 0;
  // One chain of processes for each hundred parts: each open begins a segment of the log, and
  // thousands of them would be all that is measured.
  const dieAlong = async (folder: string, stored: number): Promise<void> => {
    for (let ended = false; !ended && (await journaled(folder)) < stored + chain; killed++) {
      const death = everyDeath[1 + (killed % (everyDeath.length - 1))];
      ended = await live(t, { ...work, folder, ...death, at: 1 });
    }
    // Looks at what the last one left, and dies before it changes anything.
    await live(t, { ...work, folder, how: 'before', at: 1 });
    await rm(folder, { recursive: true });
  };
  const running = new Set<Promise<void>>();
  for (let stored = 0; stored < parts; stored += chain) {
    const folder = join(source, `../fork-${stored}`);
    await forked(source, folder);
    const dying = dieAlong(folder, stored).finally(() => running.delete(dying));
    running.add(dying);
    if (running.size === lanes) await Promise.race(running);
    // The store itself goes on without deaths in between; the upload is begun by a commit.
    const at = stored === 0 ? chain + 2 : chain + 1;
    await live(t, { ...work, folder: source, how: 'before', at });
  }
  await Promise.all(running);
  t.true(killed >= parts);
  t.log(`${killed} processes were killed before every part was stored`);
  await dieAtEvery(t, source, { work: 'upload', parts }, async (folder) => {
    await inspect(folder, async (bucket) => {
      const size = (await bucket.get('film'))?.size;
      t.true(size === 'before'.length || size === parts * 100 * 1024, `${size} bytes`);
    });
    t.true(await live(t, { folder, work: 'upload', parts, at: 0 }));
  });
});
