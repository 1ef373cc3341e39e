// Options of open: what is refused before a single byte is read or written.
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { type OpenOptions, open, openMemory } from '../../lib/index.ts';
import { rejection } from '../suite/support.ts';

test('unfit options are refused before any I/O', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'strongroom-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  const path = join(folder, 'data');
  const [a, b] = [join(folder, 'a'), join(folder, 'b')];
  const refused: OpenOptions[] = [
    { zone: 3 } as OpenOptions,
    { zones: 2 as 3 },
    { zones: 0 as 3 },
    { zones: [] },
    { zones: [a, b] },
    { zones: [a, b, a] },
    { zones: [a, b, `${folder}/./x/../a/`] },
    { zones: [a, '', b] },
    { zones: [a, 'c\0', b] },
    { create: true, readOnly: true },
    { zoneDeadlineMs: 0 },
    { zoneDeadlineMs: 1.5 },
    { geometry: { small: '2+1' as '1+1' } },
    { geometry: { small: '1+1' }, zones: 3 },
    { geometry: { large: '4+1' }, zones: 3 },
    { geometry: { large: '6+2' }, zones: 3 },
    { geometry: { large: '30+3' } },
    { geometry: { large: '0+2' } },
    { geometry: { large: '4x2' as '4+2' } },
    { geometry: { largeFrom: -1 } },
    { geometry: { lrage: '4+2' } as object },
    { rootKey: new Uint8Array(31) },
    { rootKey: new Uint8Array(32) },
    { rootKey: { passphrase: '' } },
    { rootKey: { file: join(path, 'zone-1', 'key') } },
    { zones: [folder] },
    { zones: [folder], rootKey: { file: join(folder, 'deep', 'key') } },
  ];
  for (const options of refused)
    await rejection(t, open(path, options), 'InvalidArgument', JSON.stringify(options));
  await rejection(t, open(''), 'InvalidArgument');
  await rejection(t, open('a\0b'), 'InvalidArgument');
  await rejection(t, open(new URL('http://example.org/data')), 'InvalidArgument');
  await rejection(t, open(path, { signal: AbortSignal.abort() }), 'ABORTED');
  const unfit: object[] = [
    { zones: '3' },
    { zones: null },
    { zones: [1] },
    { readOnly: 1 },
    { create: 'yes' },
    { rootKey: 'secret' },
    { rootKey: null },
    { clock: new Date() },
    { logger: {} },
    { logger: 'console' },
    { signal: {} },
    { geometry: [] },
    { geometry: { large: 42 } },
    { zoneDeadlineMs: '1' },
  ];
  for (const options of unfit)
    await t.throwsAsync(open(path, options), { instanceOf: TypeError }, JSON.stringify(options));
  for (const bad of [undefined, null, 7, {}])
    await t.throwsAsync(open(bad as never), { instanceOf: TypeError });
  t.deepEqual(await readdir(folder), []);
  t.false(existsSync(`${path}.rootkey`));
});

test('memory takes what means something there', async (t) => {
  const store = await openMemory({ autoCreateBuckets: false, clock: () => new Date(0) });
  t.is(store.path, ':memory:');
  t.is(store.formatVersion, 1);
  t.like(await store.health.status(), { ok: true, degraded: [], zones: [], degradedReads: 0 });
  await store.close();
  await rejection(t, openMemory({ zones: 3 } as object), 'InvalidArgument');
  await rejection(t, openMemory({ signal: AbortSignal.abort() }), 'ABORTED');
  await t.throwsAsync(openMemory({ clock: 7 as never }), { instanceOf: TypeError });
});

test('a clock that is unfit is named before the body is read', async (t) => {
  const clocks: Record<string, () => unknown> = {
    'no date': () => new Date(Number.NaN),
    'before 1970': () => new Date(-1),
    number: () => 5,
    null: () => null,
    throws: () => {
      throw new Error('no clock');
    },
  };
  for (const [kind, clock] of Object.entries(clocks)) {
    await using store = await openMemory({ clock: clock as () => Date });
    await rejection(t, store.createBucket('docs'), 'InvalidArgument', kind);
    const error = await rejection(t, store.bucket('docs').put('key', 'text'), 'InvalidArgument');
    t.regex(error.message, /clock/);
    t.deepEqual(await store.bucket('docs').exists(), false);
  }
  let fit = true;
  const clock = () => new Date(fit ? 0 : -1);
  await using store = await openMemory({ clock, autoCreateBuckets: false });
  const docs = await store.createBucket('docs');
  fit = false;
  let read = false;
  const body = (async function* () {
    read = true;
    yield new Uint8Array(1);
  })();
  await rejection(t, docs.put('key', body), 'InvalidArgument');
  t.false(read);
});
