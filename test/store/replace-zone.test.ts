// A zone is replaced while the store serves: what is written before, meanwhile and after is in the
// new one, and the old one is refused from then on, whichever zones it is opened with.
import { randomBytes } from 'node:crypto';
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import test, { type ExecutionContext } from 'ava';
import { open, openMemory, type Store } from '../../lib/index.ts';
import { rescue } from '../../lib/rescue/rescue.ts';
import { found, rejection } from '../suite/support.ts';
import { builtCommand } from '../support/built-package.ts';
import { runProgram } from '../support/run-program.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const large = randomBytes(900_000);

interface Place {
  readonly store: Store;
  readonly path: string;
  /** Of the zones, and of the new one. */
  readonly zones: [string, string, string];
  readonly fresh: string;
}

async function threeZones(t: ExecutionContext): Promise<Place> {
  const folder = await temporaryFolder(t);
  const path = join(folder, 'data');
  const store = await open(path, { zones: 3 });
  t.teardown(() => store.close());
  const docs = store.bucket('docs');
  await docs.put('small', 'text');
  await docs.put('large', large);
  const zones = [1, 2, 3].map((zone) => join(path, `zone-${zone}`)) as Place['zones'];
  return { store, path, zones, fresh: join(folder, 'other', 'disk') };
}

async function isWhole(t: ExecutionContext, store: Store, keys: readonly string[]): Promise<void> {
  t.is(await (await found(store.bucket('docs').get('small'))).text(), 'text');
  for (const key of keys) {
    const body = await found(store.bucket('docs').get(key));
    t.true(Buffer.from(await body.bytes()).equals(large), key);
  }
}

test('a new zone takes the place of one, and gets what is written meanwhile', async (t) => {
  const { store, path, zones, fresh } = await threeZones(t);
  const docs = store.bucket('docs');
  // Begun while the old zone holds cells, and committed when the new one is in the set.
  let goOn = (): void => {};
  const paused = new Promise<void>((resolve) => {
    goOn = resolve;
  });
  const body = async function* (): AsyncGenerator<Buffer> {
    yield large.subarray(0, 600_000);
    await paused;
    yield large.subarray(600_000);
  };
  const begun = docs.put('begun before', body());
  await docs.put('done before', large);
  const replaced = store.health.replaceZone(3, pathToFileURL(fresh));
  await docs.put('meanwhile', large);
  await replaced;
  goOn();
  await begun;
  await docs.put('after', large);
  const { ok, zones: states } = await store.health.status();
  t.true(ok);
  t.is(states[2]?.path, fresh);
  t.like(await store.health.verify({ deep: true }), { found: 0 });
  await rejection(t, store.health.replaceZone(3, fresh), 'InvalidArgument');
  await store.close();

  const keys = ['large', 'begun before', 'done before', 'meanwhile', 'after'];
  const without = join(path, 'nowhere');
  await rejection(t, open(path, { zones }), 'ZONE_FOREIGN');
  await rejection(t, open(path, { zones: [zones[0], without, zones[2]] }), 'ZONE_FOREIGN');
  const lost = [
    [without, zones[1], fresh],
    [zones[0], without, fresh],
    [zones[0], zones[1], without],
  ];
  for (const left of lost) {
    await using again = await open(path, { zones: left });
    await isWhole(t, again, keys);
  }
  // Without the core, too: the new zone has the whole truth, and the old one is told.
  const out = join(path, 'rescued');
  const rootKey = { file: `${path}.rootkey` };
  const report = await rescue([fresh, zones[1], zones[2]], out, { rootKey });
  t.true(JSON.stringify(report).includes('replaced by another zone'), JSON.stringify(report));
  t.is((await readdir(join(out, 'docs'))).length, 6);
});

test('what cannot be replaced is refused, and stays', async (t) => {
  const { store, path, zones, fresh } = await threeZones(t);
  const { health } = store;
  await mkdir(fresh, { recursive: true });
  await writeFile(join(fresh, 'letter'), 'mine');
  await rejection(t, health.replaceZone(3, fresh), 'InvalidArgument');
  t.deepEqual(await readdir(fresh), ['letter']);
  for (const zone of [0, 4, 1.5])
    await rejection(t, health.replaceZone(zone, fresh), 'InvalidArgument');
  await t.throwsAsync(health.replaceZone('3' as never, fresh), { instanceOf: TypeError });
  await t.throwsAsync(health.replaceZone(3, 7 as never), { instanceOf: TypeError });
  await rejection(t, health.replaceZone(3, ''), 'InvalidArgument');
  await rejection(t, health.replaceZone(3, fresh, { signal: AbortSignal.abort() }), 'ABORTED');
  t.true((await health.status()).ok);
  await store.close();
  await rejection(t, health.replaceZone(3, fresh), 'STORE_CLOSED');
  await using two = await open(path, { zones: [zones[0], zones[1], join(path, 'nowhere')] });
  await rejection(t, two.health.replaceZone(2, `${fresh}2`), 'ZONE_UNAVAILABLE');
  await using memory = await openMemory();
  await rejection(t, memory.health.replaceZone(1, fresh), 'InvalidArgument');
});

test('from the command line, when a disk is gone', async (t) => {
  const { store, path, zones, fresh } = await threeZones(t);
  await store.close();
  await rm(zones[2], { recursive: true });
  const { code, stdout, stderr } = await runProgram(builtCommand, [
    'replace-zone',
    path,
    '3',
    fresh,
  ]);
  t.is(code, 0, stderr);
  t.true(stdout.includes(fresh));
  await using again = await open(path, { zones: [join(path, 'nowhere'), zones[1], fresh] });
  await isWhole(t, again, ['large']);
});
