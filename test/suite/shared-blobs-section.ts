// Blobs that several rows name, lists of parts, and rows that keep what they have: part of the
// conformance suite of a StorageEngine.
import { randomBytes } from 'node:crypto';
import { crc64 } from '../../lib/crc64.ts';
import type {
  BlobReader,
  BlobSource,
  Effect,
  Found,
  FoundParts,
  KeyHandle,
  NewBlob,
  PartsKey,
  StorageEngine,
} from '../../lib/engine/storage-engine.ts';
import { megabyte, rejection, type WithEngine } from './support.ts';

const key = (text: string): Buffer => Buffer.from(text, 'latin1');
const row = (text: string, blob: NewBlob, body = ''): Effect => ({
  key: key(text),
  modified: 7,
  body: Buffer.from(body),
  blob,
});
const gone = (text: string): Effect => ({ key: key(text), delete: true });

export function sharedBlobsSection(withEngine: WithEngine): void {
  withEngine('a copied blob stands until the last row that names it goes', async (t, engine) => {
    const { kek } = engine.createKey(Buffer.from('one'));
    const other = engine.createKey(Buffer.from('other')).kek;
    for (const size of [0, 10, 70_000, 3 * megabyte + 5]) {
      const bytes = randomBytes(size);
      await putBytes(engine, 'a', bytes, kek);
      const source = await sourceAt(engine, 'a', kek);
      await engine.commit({ effects: [row('b', { source, kek: other })] });
      await engine.commit({ effects: [row('c', { source, kek }), gone('a')] });
      source.close();
      source.close();
      await rejection(t, engine.get({ key: key('b'), open: { kek } }), 'DECRYPT_FAILED');
      t.true(bytes.equals(await bytesAt(engine, 'b', other)));
      const [b, c] = [await engine.get({ key: key('b') }), await engine.get({ key: key('c') })];
      t.deepEqual({ ...b?.row.blob }, { ...c?.row.blob }, 'the same id, size and checksum');
      await engine.commit({ effects: [gone('b')] });
      t.true(bytes.equals(await bytesAt(engine, 'c', kek)));
      await engine.commit({ effects: [gone('c')] });
    }
  });

  withEngine('moves a blob from row to row in one transaction', async (t, engine) => {
    const { kek } = engine.createKey(Buffer.from('one'));
    for (const size of [100, megabyte]) {
      const bytes = randomBytes(size);
      await putBytes(engine, 'a', bytes, kek);
      for (const effects of [
        (source: BlobSource) => [gone('a'), row('b', { source, kek })],
        (source: BlobSource) => [row('a', { source, kek }), gone('b')],
      ]) {
        const from = (await engine.get({ key: key('a') })) === null ? 'b' : 'a';
        const source = await sourceAt(engine, from, kek);
        await engine.commit({ effects: effects(source) });
        source.close();
      }
      t.is(await engine.get({ key: key('b') }), null);
      t.true(bytes.equals(await bytesAt(engine, 'a', kek)));
    }
  });

  withEngine('refuses a copy of a large blob that went meanwhile', async (t, engine) => {
    const { kek } = engine.createKey(Buffer.from('one'));
    await putBytes(engine, 'a', randomBytes(megabyte), kek);
    const source = await sourceAt(engine, 'a', kek);
    await engine.commit({ effects: [gone('a')] });
    const late = engine.commit({ effects: [row('b', { source, kek })] });
    await rejection(t, late, 'PreconditionFailed');
    source.close();
    t.is(await engine.get({ key: key('b') }), null);
  });

  withEngine('a row changes its body and keeps its blob', async (t, engine) => {
    const { kek } = engine.createKey(Buffer.from('one'));
    for (const size of [0, 100, megabyte]) {
      const bytes = randomBytes(size);
      const revision = await putBytes(engine, 'a', bytes, kek);
      const keep = { checks: [{ key: key('a'), revision }], effects: [keepRow('new body')] };
      const { blobs } = await engine.commit(keep);
      t.deepEqual(blobs, []);
      const found = await engine.get({ key: key('a') });
      t.is(Buffer.from(found?.row.body ?? []).toString(), 'new body');
      t.true(bytes.equals(await bytesAt(engine, 'a', kek)));
      await rejection(t, engine.commit(keep), 'PreconditionFailed');
      await engine.commit({ effects: [gone('a')] });
      const absent = { checks: [{ key: key('a'), revision: null }], effects: keep.effects };
      await rejection(t, engine.commit(absent), 'PreconditionFailed');
    }
  });

  withEngine('keeps parts under their list, in order of their positions', async (t, engine) => {
    const { kek } = engine.createKey(Buffer.from('one'));
    const { id, key: parts } = engine.createParts();
    await engine.commit({ effects: [row('upload', named(parts, kek, true))] });
    const bodies = new Map<number, Buffer>();
    for (const [position, size] of [
      [300, 100_000],
      [2, 10],
      [1, 2 * megabyte],
      [2, 400_000],
      [256, 0],
    ] as const) {
      const bytes = randomBytes(size);
      bodies.set(position, bytes);
      await putPart(engine, id, parts, position, bytes);
    }
    const size = [...bodies.values()].reduce((sum, { length }) => sum + length, 0);
    await engine.commit({
      effects: [gone('upload'), row('object', named(parts, kek, false, size))],
    });
    const found = await engine.get({ key: key('object'), open: { kek } });
    t.is(found?.row.blob?.size, size);
    t.is(found?.row.blob?.id, Buffer.from(id).toString('hex').toUpperCase());
    const list = found?.parts as FoundParts;
    const page = await engine.scan({ ...rangeOf(id), limit: 10, textFrom: 17 });
    t.deepEqual(
      [...Array(page.count).keys()].map((i) => page.size(i)),
      [2 * megabyte, 400_000, 0, 100_000],
    );
    for (const [position, bytes] of bodies) {
      const part = await engine.get({ key: partKey(id, position), open: { kek: list.key } });
      t.true(bytes.equals(await bytesOf(part)), `part ${position}`);
      const one = { kek: list.key, offset: 5, length: 3 };
      const range = await engine.get({ key: partKey(id, position), open: one });
      t.true(bytes.subarray(5, 8).equals(await bytesOf(range)));
      await rejection(
        t,
        engine.get({ key: partKey(id, position), open: { kek } }),
        'DECRYPT_FAILED',
      );
    }
    const wrong = engine.get({ key: key('object'), open: { kek: list.key } });
    await rejection(t, wrong, 'DECRYPT_FAILED');
    list.close();
    list.close();
  });

  withEngine('a list and its parts go with the last row that names it', async (t, engine) => {
    const { kek } = engine.createKey(Buffer.from('one'));
    const { id, key: parts } = engine.createParts();
    await rejection(t, putPart(engine, id, parts, 1, Buffer.of(1)), 'PreconditionFailed');
    await engine.commit({ effects: [row('a', named(parts, kek, true))] });
    await rejection(
      t,
      engine.commit({ effects: [row('b', named(parts, kek, true))] }),
      'PreconditionFailed',
    );
    for (let i = 0; i < 300; i++) await putPart(engine, id, parts, i, Buffer.from(`part ${i}`));
    await putPart(engine, id, parts, 1000, randomBytes(megabyte));
    const source = await sourceAt(engine, 'a', kek);
    await engine.commit({ effects: [row('b', { source, kek })] });
    source.close();
    await engine.commit({ effects: [gone('a')] });
    t.is(await countParts(engine, id), 301);
    // Whoever has it open reads on.
    const open = await engine.get({ key: key('b'), open: { kek } });
    await engine.commit({ effects: [gone('b')] });
    const late = putPart(engine, id, parts, 7, Buffer.of(1));
    await rejection(t, late, 'PreconditionFailed');
    t.is(await countParts(engine, id), 301);
    const part = await engine.get({
      key: partKey(id, 1000),
      open: { kek: open?.parts?.key as PartsKey },
    });
    t.is((await bytesOf(part)).length, megabyte);
    open?.parts?.close();
    await until(async () => (await countParts(engine, id)) === 0);
    await rejection(
      t,
      engine.commit({ effects: [row('c', named(parts, kek, false))] }),
      'PreconditionFailed',
    );
  });

  withEngine('a list and its first part may begin in one transaction', async (t, engine) => {
    const { kek } = engine.createKey(Buffer.from('one'));
    const { id, key: parts } = engine.createParts();
    const bytes = randomBytes(10);
    const part = { key: partKey(id, 0), modified: 7, body: key(''), blob: { bytes, kek: parts } };
    await engine.commit({ effects: [part, row('a', named(parts, kek, true, 10))] });
    const found = await engine.get({ key: key('a'), open: { kek } });
    const open = { kek: found?.parts?.key as PartsKey };
    t.true(bytes.equals(await bytesOf(await engine.get({ key: partKey(id, 0), open }))));
    found?.parts?.close();
  });

  withEngine('refuses a transaction whose range holds a newer row', async (t, engine) => {
    const put = async (text: string) =>
      (await engine.commit({ effects: [{ key: key(text), modified: 7, body: key('') }] })).revision;
    const claim = (newest: number) =>
      engine.commit({
        ranges: [{ start: key('r/'), end: key('r0'), newest }],
        effects: [{ key: key('claim'), modified: 7, body: key('') }],
      });
    await claim(0);
    const first = await put('r/1');
    await rejection(t, claim(0), 'PreconditionFailed');
    await rejection(t, claim(first - 1), 'PreconditionFailed');
    await claim(first);
    const second = await put('r/2');
    await rejection(t, claim(first), 'PreconditionFailed');
    await claim(second);
    // What stands in the same batch counts too.
    const race = await Promise.allSettled([put('r/3'), claim(second)]);
    t.deepEqual(
      race.map(({ status }) => status),
      ['fulfilled', 'rejected'],
    );
  });
}

function keepRow(body: string): Effect {
  return { key: key('a'), modified: 8, body: Buffer.from(body), blob: { keep: true } };
}

function named(parts: PartsKey, kek: KeyHandle, fresh: boolean, size = 0): NewBlob {
  return { parts, kek, fresh, size, crc64: '0' };
}

function partKey(id: Uint8Array, position: number): Buffer {
  const bytes = Buffer.concat([Buffer.from('P'), id, Buffer.alloc(8)]);
  bytes.writeBigUInt64BE(BigInt(position), 17);
  return bytes;
}

function rangeOf(id: Uint8Array): { start: Uint8Array; end: Uint8Array } {
  const end = partKey(id, 0);
  end.fill(0xff, 17);
  return { start: partKey(id, 0), end };
}

async function countParts(engine: StorageEngine, id: Uint8Array): Promise<number> {
  return (await engine.scan({ ...rangeOf(id), limit: 10_000, textFrom: 17 })).count;
}

async function putPart(
  engine: StorageEngine,
  id: Uint8Array,
  parts: PartsKey,
  position: number,
  bytes: Buffer,
): Promise<void> {
  const effect = { key: partKey(id, position), modified: 7, body: Buffer.from('part') };
  if (bytes.length <= engine.smallBlobMax) {
    await engine.commit({ effects: [{ ...effect, blob: { bytes, kek: parts } }] });
    return;
  }
  const writer = engine.writeBlob(parts);
  for (let at = 0; at < bytes.length; at += megabyte)
    await writer.write(bytes.subarray(at, at + megabyte));
  await writer.finish();
  await engine.commit({ effects: [{ ...effect, blob: writer }] });
  await writer.dispose();
}

async function putBytes(
  engine: StorageEngine,
  text: string,
  bytes: Buffer,
  kek: KeyHandle,
): Promise<number> {
  if (bytes.length <= engine.smallBlobMax)
    return (await engine.commit({ effects: [row(text, { bytes, kek })] })).revision;
  const writer = engine.writeBlob(kek);
  for (let at = 0; at < bytes.length; at += megabyte)
    await writer.write(bytes.subarray(at, at + megabyte));
  const { crc64: sum } = await writer.finish();
  if (sum !== crc64(bytes)) throw new Error('the checksum of the upload is wrong');
  const { revision } = await engine.commit({ effects: [row(text, writer)] });
  await writer.dispose();
  return revision;
}

async function sourceAt(engine: StorageEngine, text: string, kek: KeyHandle): Promise<BlobSource> {
  const found = await engine.get({ key: key(text), open: { kek, copy: true } });
  if (found?.source === undefined) throw new Error(`no blob at ${text}`);
  return found.source;
}

async function bytesAt(engine: StorageEngine, text: string, kek: KeyHandle): Promise<Buffer> {
  return bytesOf(await engine.get({ key: key(text), open: { kek } }));
}

async function bytesOf(found: Found | null): Promise<Buffer> {
  if (found?.reader === undefined) return Buffer.from(found?.bytes ?? []);
  const reader: BlobReader = found.reader;
  const pieces: Uint8Array[] = [];
  for (let piece = await reader.read(); piece !== null; piece = await reader.read())
    pieces.push(piece);
  reader.close();
  return Buffer.concat(pieces);
}

async function until(holds: () => Promise<boolean>): Promise<void> {
  while (!(await holds())) await new Promise((resolve) => setTimeout(resolve, 5));
}
