// Stores whose zones rot, lose files or are tampered with while they are open: what verify() tells,
// what heal() puts right, and that every object reads afterwards.
import { randomBytes } from 'node:crypto';
import { readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { open, openMemory, type Store } from '../../lib/index.ts';
import { found, rejection } from '../suite/support.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { filesIn, flip, forgeFirstCell } from '../support/zone-files.ts';

const large = randomBytes(900_000);

async function threeZones(t: ExecutionContext): Promise<{ store: Store; path: string }> {
  const path = join(await temporaryFolder(t), 'data');
  const store = await open(path, { zones: 3 });
  t.teardown(() => store.close());
  const docs = store.bucket('docs');
  await docs.put('small', 'text');
  await docs.put('large', large);
  await docs.append('grown', randomBytes(10_000), { position: 0 });
  await docs.append('grown', randomBytes(400_000), { position: 10_000 });
  return { store, path };
}

test('a whole store has nothing to tell, however deep one looks', async (t) => {
  const { store } = await threeZones(t);
  const loaded: number[] = [];
  const report = await store.health.verify({
    onProgress: (progress) => loaded.push(progress.loaded),
  });
  t.like(report, { found: 0, healed: 0, unrecoverable: 0, findings: [] });
  t.true(report.bytes > 3 * large.length);
  t.true(report.scanned > 30);
  t.is(loaded.at(-1), report.bytes);
  t.is((await store.health.verify({ deep: true })).found, 0);
  t.is((await store.health.verify({ bucket: 'docs' })).found, 0);
  t.is((await store.health.heal()).found, 0);
  t.is(await (await found(store.bucket('docs').get('small'))).text(), 'text');
});

test('what rots or goes in any zone is told, healed, and kept aside', async (t) => {
  const { store, path } = await threeZones(t);
  for (const zone of [1, 2, 3]) {
    const folder = join(path, `zone-${zone}`);
    const [log] = await filesIn(join(folder, 'log'));
    const blobs = await filesIn(join(folder, 'blob'));
    const before = await Promise.all([log ?? '', ...blobs].map((file) => readFile(file)));
    await flip(log ?? '', 2 * 4096 + 90);
    await flip(blobs[0] ?? '', 100_000);
    await rm(blobs[1] ?? '');
    const seen = await store.health.verify();
    t.is(seen.found, 3);
    t.is(seen.healed, 0);
    t.deepEqual(seen.findings.map(({ kind }) => kind).sort(), ['missing', 'rot', 'rot']);
    t.true(seen.findings.every((finding) => finding.zone === zone && !finding.healed));
    const named = seen.findings.filter(({ key }) => key === 'large');
    t.like(named[0], { bucket: 'docs' });
    const healed = await store.health.heal();
    t.like(healed, { found: 3, healed: 3, unrecoverable: 0 });
    const after = await Promise.all([log ?? '', ...blobs].map((file) => readFile(file)));
    for (const [i, bytes] of before.entries()) t.true(bytes.equals(after[i] as Buffer));
    t.is((await store.health.verify({ deep: true })).found, 0);
    t.is((await filesIn(join(folder, 'quarantine'))).length, 2);
  }
  t.true(Buffer.from(await (await found(store.bucket('docs').get('large'))).bytes()).equals(large));
});

// Two data cells of one stripe lie in the file of one zone, and so does what must be beside them.
test('a chunk changed on purpose is told, and healed with the key', async (t) => {
  const { store, path } = await threeZones(t);
  const folder = join(path, 'zone-2', 'blob');
  const sizes = await Promise.all((await filesIn(folder)).map(async (f) => (await stat(f)).size));
  const file = (await filesIn(folder))[sizes.indexOf(Math.max(...sizes))] ?? '';
  const bytes = await readFile(file);
  await forgeFirstCell(file);

  const shallow = await store.health.verify();
  t.true(shallow.findings.some(({ kind, zone }) => kind === 'tampering' && zone === undefined));
  const deep = await store.health.verify({ bucket: 'docs' });
  t.like(deep.findings[0], { kind: 'tampering', zone: 2, bucket: 'docs', key: 'large' });
  const healed = await store.health.heal();
  t.true(healed.findings.some(({ zone, healed: whole }) => zone === 2 && whole));
  t.true((await readFile(file)).equals(bytes));
  t.is((await store.health.verify({ deep: true })).found, 0);
});

test('with one zone damage is told and cannot be healed', async (t) => {
  const path = join(await temporaryFolder(t), 'data');
  await using store = await open(path, {});
  await store.bucket('docs').put('large', large);
  t.is((await store.health.heal()).found, 0);
  const [file] = await filesIn(join(path, 'zone-1', 'blob'));
  await flip(file ?? '', 200_000);
  const report = await store.health.heal();
  t.true(report.found > 0);
  t.is(report.healed, 0);
  t.true(report.unrecoverable > 0);
});

test('it ends when it is told to, and with the store', async (t) => {
  const { store } = await threeZones(t);
  const signal = AbortSignal.abort();
  await rejection(t, store.health.verify({ signal }), 'ABORTED');
  await rejection(t, store.health.verify({ bucket: 'nowhere' }), 'NoSuchBucket');
  await t.throwsAsync(store.health.verify({ deep: 1 as unknown as boolean }), {
    instanceOf: TypeError,
  });
  await rejection(t, store.health.heal({ depe: true } as object), 'InvalidArgument');
  const controller = new AbortController();
  const verifying = store.health.verify({ deep: true, signal: controller.signal });
  controller.abort();
  await rejection(t, verifying, 'ABORTED');
  const last = store.health.verify({ deep: true }).catch((error) => error.code);
  await store.close();
  t.true(
    ['STORE_CLOSED', undefined].includes(
      await last.then((e) => (typeof e === 'string' ? e : undefined)),
    ),
  );
  await rejection(t, store.health.verify(), 'STORE_CLOSED');
});

test('a read-only store is verified and not healed; memory has no disks', async (t) => {
  const { store, path } = await threeZones(t);
  await store.close();
  await using again = await open(path, { zones: 3, readOnly: true });
  t.is((await again.health.verify({ deep: true })).found, 0);
  await rejection(t, again.health.heal(), 'STORE_READ_ONLY');
  await using memory = await openMemory();
  await memory.bucket('docs').put('key', 'text');
  t.like(await memory.health.verify({ deep: true }), { found: 0, bytes: 0 });
});
