// Every structure of a real store, verified by a reader that shares no code with the core: three
// zones, opened twice, so that two epochs, two superblock slots and all kinds of records are there.
import { randomBytes } from 'node:crypto';
import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import test from 'ava';
import { crc64 } from '../../lib/crc64.ts';
import { open } from '../../lib/index.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import {
  type Batch,
  type BlobReference,
  type BucketKey,
  block,
  type Commit,
  type Counted,
  type Epoch,
  openBucketKey,
  openChunks,
  openDek,
  openKeys,
  openRecord,
  readBatch,
  readCells,
  readEvent,
  readFrame,
  readPreamble,
  readRecord,
  readRow,
  readSegmentHeader,
  readSlot,
  type Segment,
  type StoreKeys,
  sha256,
  xxh64,
} from './reader.ts';

const zones = [1, 2, 3] as const;
const bucketName = 'a-bucket-with-a-name';
const smallKey = 'the-key-of-the-small-one';
const smallBody = 'a body that nobody else would write';
const middle = randomBytes(200_017);
const large = randomBytes(7 * 65_536 + 4321);

interface Disks {
  readonly root: Buffer;
  readonly folder: string;
  zone(number: number): string;
}

async function makeStore(t: ExecutionContext): Promise<Disks> {
  const folder = join(await temporaryFolder(t), 'data');
  const first = await open(folder, { zones: 3 });
  await first.bucket(bucketName).put(smallKey, smallBody, { metadata: { note: smallBody } });
  await first.bucket(bucketName).put('middle', middle);
  await first.bucket(bucketName).put('empty', '');
  await first.close();
  const second = await open(folder, { zones: 3 });
  await second.bucket(bucketName).events.set({ keep: 100 });
  await second.bucket(bucketName).put('large', large);
  await second.bucket(bucketName).put('removed', 'text');
  await second.bucket(bucketName).remove('removed');
  await second.close();
  const root = await readFile(`${folder}.rootkey`);
  return { root, folder, zone: (number) => join(folder, `zone-${number}`) };
}

async function slotsOf(zone: string): Promise<Buffer[]> {
  const bytes = await readFile(join(zone, 'superblock'));
  return [bytes.subarray(0, block), bytes.subarray(block, 2 * block)];
}

async function keysOf({ root, zone }: Disks): Promise<StoreKeys> {
  const [slot] = await slotsOf(zone(1));
  return openKeys(root, readSlot(slot as Buffer));
}

interface WholeSegment {
  name: string;
  header: Segment;
  batches: Batch[];
  /** Up to the end of the last batch. */
  bytes: Buffer;
}

async function segmentsOf(zone: string): Promise<WholeSegment[]> {
  const names = (await readdir(join(zone, 'log'))).sort();
  return Promise.all(
    names.map(async (name) => {
      const file = await readFile(join(zone, 'log', name));
      const header = readSegmentHeader(file);
      const batches: Batch[] = [];
      let end = block;
      for (;;) {
        const batch = readBatch(header, file, end);
        if (batch === null) break;
        batches.push(batch);
        end += batch.size;
      }
      return { name, header, batches, bytes: file.subarray(0, end) };
    }),
  );
}

interface Said {
  segment: WholeSegment;
  batch: Batch;
  record: Commit | Epoch;
}

function recordsOf(keys: StoreKeys, segments: readonly WholeSegment[]): Said[] {
  return segments.flatMap((segment) =>
    segment.batches.map((batch) => {
      const record = readRecord(openRecord(keys, segment.header, batch));
      return { segment, batch, record };
    }),
  );
}

/** The last image of every row, by row key in latin1. */
function rowsOf(said: readonly Said[]): Map<string, Buffer> {
  const rows = new Map<string, Buffer>();
  for (const { record } of said) {
    if (record.kind !== 1) continue;
    for (const { key, row } of record.transactions.flat()) {
      if (row === null) rows.delete(key.toString('latin1'));
      else rows.set(key.toString('latin1'), row);
    }
  }
  return rows;
}

interface Contents {
  bucketKey: BucketKey;
  blobs: Map<string, BlobReference>;
}

/** What a bucket's rows say: its key, and each object's blob. */
function contentsOf(keys: StoreKeys, rows: Map<string, Buffer>): Contents {
  const bucket = rows.get(`b${bucketName}`);
  if (bucket === undefined) throw new Error('the bucket row is missing');
  const bucketKey = openBucketKey(keys, readRow(bucket).body);
  const blobs = new Map<string, BlobReference>();
  const prefix = `o${bucketKey.id.toString('latin1')}`;
  for (const [key, row] of rows) {
    if (!key.startsWith(prefix)) continue;
    const { blob } = readRow(row);
    // 00 and the inverted version, eight bytes, come behind the key.
    if (blob !== null) blobs.set(key.slice(prefix.length, -9), blob);
  }
  return { bucketKey, blobs };
}

test.serial('superblocks: two sound slots in turn, proved by their HMAC', async (t) => {
  const disks = await makeStore(t);
  const ids = new Set<string>();
  for (const zone of zones) {
    const bytes = await slotsOf(disks.zone(zone));
    const slots = bytes.map(readSlot);
    for (const [i, slot] of slots.entries()) {
      const used = 24 + (bytes[i] as Buffer).readUInt32LE(12);
      t.true(bytes[i]?.subarray(used).every((byte) => byte === 0));
      t.is(Number(slot.counter) & 1, i);
      t.is(slot.state, 1);
      t.is(slot.zoneCount, 3);
      t.is(slot.position, zone - 1);
      t.deepEqual(slot.geometry, [1, 2, 4, 2]);
      t.is(slot.largeFrom, 262_144);
      t.deepEqual(slot.rootHint, Buffer.of(1, 0));
      t.notThrows(() => openKeys(disks.root, slot));
      t.throws(() => openKeys(randomBytes(32), slot));
    }
    const [even, odd] = slots as [(typeof slots)[0], (typeof slots)[0]];
    t.is(Math.abs(Number(even.counter - odd.counter)), 1);
    t.true(even.zoneId.equals(odd.zoneId));
    ids.add(even.zoneId.toString('hex'));
  }
  t.is(ids.size, 3);
});

test.serial('the log: sound, chained, byte for byte the same in every zone', async (t) => {
  const disks = await makeStore(t);
  const keys = await keysOf(disks);
  const logs = await Promise.all(zones.map((zone) => segmentsOf(disks.zone(zone))));
  const [log = []] = logs;
  for (const other of logs) {
    t.deepEqual(
      other.map(({ name }) => name),
      log.map(({ name }) => name),
    );
    for (const [i, { bytes }] of other.entries()) t.true(bytes.equals(log[i]?.bytes as Buffer));
  }
  for (const { name, header } of log)
    t.is(name, `${header.number.toString(16).padStart(8, '0')}.seg`);

  let chain: Buffer = Buffer.alloc(32);
  let next = 1n;
  let epochs = 0n;
  for (const { segment, batch, record } of recordsOf(keys, log)) {
    t.true(record.chainBefore.equals(chain));
    t.is(record.sequence, next);
    t.is(record.epoch, batch.epoch);
    t.is(record.sequence, batch.sequence);
    chain = sha256(batch.sealed);
    if (record.kind === 1) {
      next += BigInt(record.transactions.length);
      continue;
    }
    // An epoch takes no sequence, and begins a segment.
    t.is(batch.offset, block);
    t.is(segment.header.epochSegment, segment.header.number);
    t.true(record.baseChain.equals(record.chainBefore));
    t.is(record.baseSequence, record.sequence - 1n);
    t.is(record.set.length, 3);
    epochs++;
  }
  t.is(epochs, 2n);
});

test.serial('the root key leads to every body in the log', async (t) => {
  const disks = await makeStore(t);
  const keys = await keysOf(disks);
  for (const zone of zones) {
    const log = await segmentsOf(disks.zone(zone));
    const said = recordsOf(keys, log);
    const { bucketKey, blobs } = contentsOf(keys, rowsOf(said));
    t.deepEqual([...blobs.keys()].sort(), ['empty', 'large', 'middle', smallKey]);
    const bodies = new Map([
      [smallKey, Buffer.from(smallBody)],
      ['middle', middle],
      ['empty', Buffer.alloc(0)],
    ]);
    for (const [key, body] of bodies) {
      const blob = blobs.get(key) as BlobReference;
      const location = blob.location as bigint;
      const segment = log.find(({ header }) => BigInt(header.number) === location >> 32n);
      const frame = readFrame(segment?.bytes.subarray(Number(location & 0xffffffffn)) as Buffer);
      t.true(frame.header.blobId.equals(blob.id));
      t.is(frame.size, body.length);
      t.is(blob.size, body.length);
      t.is(blob.crc64.toString(), crc64(body));
      const dek = openDek(keys.storeId, bucketKey, blob);
      t.true(openChunks(dek, frame.header, frame.chunks).equals(body));
    }
    // The frames of a batch lie end to end.
    for (const { batch } of said)
      for (let rest = batch.frames; rest.length > 0; )
        rest = rest.subarray(readFrame(rest).frameSize);
  }
});

test.serial('events lie in the order of the commits', async (t) => {
  const disks = await makeStore(t);
  const rows = rowsOf(recordsOf(await keysOf(disks), await segmentsOf(disks.zone(1))));
  const { bucketKey, blobs } = contentsOf(await keysOf(disks), rows);
  const under = `e${bucketKey.id.toString('latin1')}`;
  t.true(rows.has(under), 'the floor row');
  const keys = [...rows.keys()].filter((key) => key.startsWith(under) && key !== under);
  const events = keys.map((key) =>
    readEvent(Buffer.from(key, 'latin1'), readRow(rows.get(key) as Buffer).body),
  );
  t.deepEqual(keys, [...keys].sort());
  t.deepEqual(
    events.map(({ type, key, size }) => [type, key, size]),
    [
      [0, 'large', large.length],
      [0, 'removed', 4],
      [4, 'removed', 0],
    ],
  );
  t.deepEqual(events[0]?.blobId, blobs.get('large')?.id);
  const store = await open(disks.folder, { zones: 3 });
  const ids: string[] = [];
  for await (const { id, type } of store.bucket(bucketName).watch({ from: events[0]?.id })) {
    ids.push(id);
    if (type === 'ObjectRemoved:Delete') break;
  }
  await store.close();
  t.deepEqual(
    ids,
    events.slice(1).map(({ id }) => id),
  );
});

test.serial('the root key leads to every byte of a large blob', async (t) => {
  const disks = await makeStore(t);
  const keys = await keysOf(disks);
  const said = recordsOf(keys, await segmentsOf(disks.zone(1)));
  const rows = rowsOf(said);
  const { bucketKey, blobs } = contentsOf(keys, rows);
  const blob = blobs.get('large') as BlobReference;
  const counted = readRow(rows.get(`B${blob.id.toString('latin1')}`) as Buffer).counted as Counted;
  t.is(counted.references, 1);
  const hex = blob.id.toString('hex');
  t.is(blob.size, large.length);
  t.is(blob.crc64.toString(), crc64(large));
  const stripes: Map<number, Buffer>[] = [];
  let header: ReturnType<typeof readPreamble>['header'] | undefined;
  for (const zone of zones) {
    const name = join(disks.zone(zone), 'blob', hex.slice(0, 2), `${hex}.${counted.placement}`);
    const file = await readFile(name);
    t.is(file.length % block, 0);
    const preamble = readPreamble(file);
    t.is(counted.k, preamble.k);
    t.is(counted.m, preamble.m);
    t.is(said.at(-1)?.record.epoch, preamble.epoch);
    t.true(preamble.header.blobId.equals(blob.id));
    header ??= preamble.header;
    t.true(preamble.header.bytes.equals(header.bytes));
    for (const [i, cells] of readCells(file, blob.size, zone - 1, 3).entries())
      stripes[i] = new Map([...(stripes[i] ?? []), ...cells]);
  }
  const chunks: Buffer[] = [];
  for (let start = 0; start < large.length; start += 65_536) {
    const i = chunks.length;
    const cell = stripes[Math.floor(i / 4)]?.get(i % 4) as Buffer;
    // The last chunk is shorter than its cell when others of its stripe are full.
    chunks.push(cell.subarray(0, Math.min(65_536, large.length - start) + 16));
  }
  const dek = openDek(keys.storeId, bucketKey, blob);
  t.true(openChunks(dek, header as NonNullable<typeof header>, chunks).equals(large));
});

test.serial('no file of a zone holds a name, a body, a key or a digest of them', async (t) => {
  const disks = await makeStore(t);
  const keys = await keysOf(disks);
  const body = Buffer.from(smallBody);
  const crc = Buffer.alloc(8);
  crc.writeBigUInt64LE(BigInt(crc64(body)));
  const secrets = new Map<string, Buffer>([
    ['bucket name', Buffer.from(bucketName)],
    ['key', Buffer.from(smallKey)],
    ['body', body.subarray(0, 16)],
    ['middle body', middle.subarray(70_000, 70_016)],
    ['large body', large.subarray(300_000, 300_016)],
    ['checksum of the body', crc],
    ['digest of the body', sha256(body)],
    ['root key', disks.root],
    ['ring key', keys.ring],
    ['store key', keys.store],
    ['record key', keys.record],
    ['index key', keys.index],
  ]);
  let files = 0;
  for (const name of await readdir(disks.folder, { recursive: true })) {
    const path = join(disks.folder, name);
    if (!(await stat(path)).isFile()) continue;
    files++;
    const bytes = await readFile(path);
    for (const [what, secret] of secrets) t.false(bytes.includes(secret), `${name}: ${what}`);
    t.false(name.includes(smallKey) || name.includes(bucketName), name);
  }
  t.true(files > 9);
});

/** Changes one byte of both slots, at `at` in the slot, with or without a checksum that fits. */
async function breakSlots(zone: string, at: number, fit: boolean): Promise<void> {
  const slots = await slotsOf(zone);
  for (const slot of slots) {
    slot[at] = (slot[at] as number) ^ 2;
    const body = slot.subarray(24, 24 + slot.readUInt32LE(12));
    if (fit) slot.writeBigUInt64LE(xxh64(body, slot.readBigUInt64LE(8)), 16);
  }
  await writeFile(join(zone, 'superblock'), Buffer.concat(slots));
}

const versionAt = 8;
const reservedAt = 24 + 52;
const ringWrapAt = 24 + 60 + 6 + 4 + 4 + 30;

for (const [what, at, fit] of [
  ['a rotten version', versionAt, false],
  ['a forged epoch reservation', reservedAt, true],
  ['a forged key wrap', ringWrapAt, true],
] as const)
  test.serial(`superblocks: ${what} in one zone costs that zone only`, async (t) => {
    const { folder, zone } = await makeStore(t);
    await breakSlots(zone(1), at, fit);
    const told: string[] = [];
    const note = (event: object): void => void told.push((event as { type: string }).type);
    const logger = { trace() {}, debug() {}, info() {}, warn: note, error: note };
    const store = await open(folder, { zones: 3, logger });
    t.deepEqual(
      (await store.health.status()).zones.map(({ inSet }) => inSet),
      [false, true, true],
    );
    t.is(await (await store.bucket(bucketName).get(smallKey))?.text(), smallBody);
    await store.bucket(bucketName).put('after', 'text');
    await store.close();
    t.is(told.includes('tampering'), fit);
  });
