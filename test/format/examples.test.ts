// The worked examples of docs/format, opened by the second reader: what the pages say is enough to
// read a store. The same bytes are pinned by native/format/*_test.cc.
import { readFile } from 'node:fs/promises';
import test from 'ava';
import { crc64 } from '../../lib/crc64.ts';
import {
  type BlobReference,
  block,
  openChunks,
  openDek,
  openKeys,
  openRecord,
  readBatch,
  readFrame,
  readPreamble,
  readRecord,
  readRow,
  readSegmentHeader,
  readSlot,
  sha256,
} from './reader.ts';

/**
 * The named values of a page's worked example: a line `name hex`, continued by lines that begin
 * with spaces; what stands behind the hex is said to the reader.
 */
async function exampleOf(page: string): Promise<Map<string, Buffer>> {
  const url = new URL(`../../docs/format/${page}`, import.meta.url);
  const [, example = ''] = (await readFile(url, 'utf8')).split('## Worked example');
  const values = new Map<string, Buffer>();
  let name = '';
  for (const line of example.split('\n')) {
    const [, label, hex] = /^(\w+)? +((?:[0-9a-f]{2})+)(?: {2,}.*)?$/.exec(line) ?? [];
    if (hex === undefined) continue;
    name = label ?? name;
    const bytes = Buffer.from(hex, 'hex');
    values.set(
      name,
      label === undefined ? Buffer.concat([values.get(name) ?? bytes, bytes]) : bytes,
    );
  }
  return values;
}

async function valuesOf(page: string, ...names: string[]): Promise<Buffer[]> {
  const values = await exampleOf(page);
  return names.map((name) => {
    const value = values.get(name);
    if (value === undefined) throw new Error(`${page}: no value ${name}`);
    return value;
  });
}

function padded(...parts: Buffer[]): Buffer {
  const bytes = Buffer.alloc(block);
  Buffer.concat(parts).copy(bytes);
  return bytes;
}

test('superblock.md: the slot checks, its wraps open, its HMAC holds', async (t) => {
  const [slot, root, ...secrets] = (await valuesOf(
    'superblock.md',
    ...['slot', 'root', 'ring', 'store', 'record', 'index'],
  )) as [Buffer, Buffer, ...Buffer[]];
  const superblock = readSlot(padded(slot));
  const { ring, store, record, index } = openKeys(root, superblock);
  t.deepEqual([ring, store, record, index], secrets);
  t.is(superblock.counter, 2n);
  t.is(superblock.epochsReserved, 1001n);
  for (let i = 8; i < slot.length; i++) {
    const broken = padded(slot);
    broken[i] = (broken[i] as number) ^ 1;
    t.throws(() => readSlot(broken));
  }
});

test('log.md, record.md, row.md: from the batch to the body', async (t) => {
  const [record, storeId] = [
    (await valuesOf('superblock.md', 'record'))[0] as Buffer,
    readSlot(padded(...(await valuesOf('superblock.md', 'slot')))).storeId,
  ];
  const [header, batch, frame] = (await valuesOf('log.md', 'header', 'batch', 'frame')) as [
    Buffer,
    Buffer,
    Buffer,
  ];
  const [commit, sealed, chain] = (await valuesOf('record.md', 'commit', 'sealed', 'chain')) as [
    Buffer,
    Buffer,
    Buffer,
  ];
  const [row, bucketKey, dek] = (await valuesOf('row.md', 'row', 'bucket', 'dek')) as [
    Buffer,
    Buffer,
    Buffer,
  ];

  const file = Buffer.concat([padded(header), padded(batch, frame, sealed)]);
  const segment = readSegmentHeader(file);
  t.is(segment.number, 10);
  const found = readBatch(segment, file, block);
  if (found === null) throw new Error('no batch');
  t.deepEqual(found.sealed, sealed);
  t.deepEqual(sha256(sealed), chain);
  const keys = { storeId, record, ring: record, store: record, index: record };
  t.deepEqual(openRecord(keys, segment, found), commit);

  const said = readRecord(commit);
  if (said.kind !== 1) throw new Error('no commit');
  t.is(said.sequence, 7n);
  t.deepEqual(said.chainBefore, sha256());
  t.deepEqual(
    said.transactions.map((effects) => effects.map((effect) => effect.row)),
    [[row, null], [Buffer.from('0106000000000000000002000000000000000000000000000000', 'hex')]],
  );
  const carried = said.transactions[1]?.[0];
  t.is(carried?.carried, 5n);
  t.is(carried?.key.toString('latin1', 0, 1), 'L');
  t.is(readRow(carried?.row as Buffer).counted?.references, 2);
  const { firstSegment, sequenceBefore, chainBefore, liveBytes } = said.extent;
  t.deepEqual([firstSegment, sequenceBefore, liveBytes], [4, 2n, 284n]);
  t.deepEqual(chainBefore, sha256(Buffer.from('retired')));
  t.is(said.transactions[0]?.[1]?.key.toString(), 'bold');

  const bucketId = said.transactions[0]?.[0]?.key.subarray(1, 9) as Buffer;
  const { blob, body } = readRow(row);
  t.deepEqual(body, Buffer.of(1, 0, 0));
  const reference = blob as BlobReference;
  const location = reference.location as bigint;
  t.is(location >> 32n, 10n);
  const opened = readFrame(file.subarray(Number(location & 0xffffffffn)));
  t.deepEqual(openDek(storeId, { id: bucketId, key: bucketKey }, reference), dek);
  t.is(openChunks(dek, opened.header, opened.chunks).toString(), 'strongroom');
  t.is(reference.crc64.toString(), crc64(Buffer.from('strongroom')));
});

test('blob-file.md: a preamble, whose blob is that of log.md', async (t) => {
  const [preamble] = (await valuesOf('blob-file.md', 'preamble')) as [Buffer];
  const [frame] = (await valuesOf('log.md', 'frame')) as [Buffer];
  const { placement, k, m, epoch, header } = readPreamble(padded(preamble));
  t.deepEqual([placement, k, m, epoch], [0, 4, 2, 3n]);
  t.deepEqual(header.bytes, frame.subarray(0, 96));
});

test('record.md: an epoch', async (t) => {
  const [bytes] = await valuesOf('record.md', 'epoch');
  const epoch = readRecord(bytes as Buffer);
  if (epoch.kind !== 2) throw new Error('no epoch');
  t.is(epoch.epoch, 3n);
  t.is(epoch.previousEpoch, 2n);
  t.is(epoch.previousSegment, 8);
  t.is(epoch.baseLocation, (9n << 32n) | 4096n);
  t.is(epoch.baseEnd, (9n << 32n) | 8192n);
  t.is(epoch.baseSequence, epoch.sequence - 1n);
  t.deepEqual(epoch.baseChain, epoch.chainBefore);
  t.is(epoch.set.length, 2);
});
