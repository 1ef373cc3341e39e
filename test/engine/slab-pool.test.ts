// Back-pressure with the smallest pool: one slab for uploads and one for downloads.
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import test from 'ava';
import { openEmbedded } from '../../lib/engine/embedded-engine.ts';
import type { BlobReader, KeyHandle, StorageEngine } from '../../lib/engine/storage-engine.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const key = (text: string): Uint8Array => Buffer.from(text);

async function openSmallest(folder: string): Promise<StorageEngine> {
  return openEmbedded({
    zones: [1, 2, 3].map((number) => join(folder, `zone-${number}`)),
    create: true,
    readOnly: false,
    rootKey: new Uint8Array(32).fill(7),
    rootHint: Uint8Array.of(1, 0),
    zoneDeadlineMs: 10_000,
    small: '1+2',
    large: '4+2',
    largeFrom: 256 * 1024,
    slabBytes: 1,
  });
}

async function store(engine: StorageEngine, kek: KeyHandle, row: string, bytes: Uint8Array) {
  const writer = engine.writeBlob(kek);
  await writer.write(bytes);
  await writer.finish();
  await engine.commit({
    effects: [{ key: key(row), modified: 0, body: new Uint8Array(), blob: writer }],
  });
}

async function readAll(reader: BlobReader | undefined): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for (let part = await reader?.read(); part; part = await reader?.read()) parts.push(part);
  reader?.close();
  return Buffer.concat(parts);
}

test.serial('100 downloads piped into uploads finish on one slab each way', async (t) => {
  const engine = await openSmallest(await temporaryFolder(t));
  t.teardown(() => engine.close());
  const { kek } = engine.createKey(key('test'));
  const bytes = randomBytes(3 * 1024 * 1024 + 17);
  await store(engine, kek, 'source', bytes);
  const pipe = async (i: number): Promise<void> => {
    const found = await engine.get({ key: key('source'), open: { kek } });
    const writer = engine.writeBlob(kek);
    for (let part = await found?.reader?.read(); part; part = await found?.reader?.read())
      await writer.write(part);
    found?.reader?.close();
    await writer.finish();
    await engine.commit({
      effects: [{ key: key(`copy-${i}`), modified: 0, body: new Uint8Array(), blob: writer }],
    });
  };
  await Promise.all(Array.from({ length: 100 }, (_, i) => pipe(i)));
  for (const i of [0, 42, 99]) {
    const found = await engine.get({ key: key(`copy-${i}`), open: { kek } });
    t.true((await readAll(found?.reader)).equals(bytes));
  }
});

test.serial('1,000 stalled uploads stop neither a small put nor a large one', async (t) => {
  const engine = await openSmallest(await temporaryFolder(t));
  t.teardown(() => engine.close());
  const { kek } = engine.createKey(key('test'));
  const piece = randomBytes(200 * 1024);
  const stalled = Array.from({ length: 1000 }, () => engine.writeBlob(kek));
  for (const writer of stalled) await writer.write(piece.subarray(0, 1000));
  // Some of them have sealed pieces on disk already.
  for (const writer of stalled.slice(0, 5)) await writer.write(randomBytes(1_200_000));
  await engine.commit({
    effects: [
      { key: key('small'), modified: 0, body: new Uint8Array(), blob: { bytes: piece, kek } },
    ],
  });
  await store(engine, kek, 'large', randomBytes(2_000_000));
  const found = await engine.get({ key: key('small'), open: { kek } });
  t.true(Buffer.from(found?.bytes ?? []).equals(piece));
  await Promise.all(stalled.map((writer) => writer.dispose()));
});

test.serial('a blob that breaks the announcement of its size is refused', async (t) => {
  const engine = await openSmallest(await temporaryFolder(t));
  t.teardown(() => engine.close());
  const { kek } = engine.createKey(key('test'));
  const longer = engine.writeBlob(kek, 1_000_000);
  await longer.write(new Uint8Array(999_999));
  await t.throwsAsync(longer.write(new Uint8Array(2)), { code: 'InvalidArgument' });
  await longer.dispose();
  const shorter = engine.writeBlob(kek, 1_000_000);
  await shorter.write(new Uint8Array(999_999));
  await t.throwsAsync(shorter.finish(), { code: 'InvalidArgument' });
  await shorter.dispose();
  // An announcement that no disk can hold costs nothing.
  const huge = engine.writeBlob(kek, 2 ** 50);
  await huge.write(new Uint8Array(3_000_000));
  await huge.dispose();
  t.true(engine.status().zones.every(({ inSet }) => inSet));
});
