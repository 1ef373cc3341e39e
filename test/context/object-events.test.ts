// The bytes of events: docs/format/rows.md shows them.
import test from 'ava';
import type { KnownBucket } from '../../lib/context/bucket-directory.ts';
import {
  decodeEvent,
  decodeEventId,
  encodeEventId,
  encodeFloor,
  floorOf,
  isBefore,
} from '../../lib/context/object-events.ts';
import { eventRowKey, eventsUnder } from '../../lib/engine/row-key.ts';
import type { Page } from '../../lib/engine/storage-engine.ts';
import { StoreError } from '../../lib/errors.ts';

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex');

const id = hex('0102030405060708');
const bucket = { name: 'docs', row: { id } } as unknown as KnownBucket;
const position = { sequence: 258, place: 1 };
const body = hex('01 00 612fc3a9 00112233445566778899aabbccddeeff 0400000000000000 01000000');
const pageOf = (bytes: Uint8Array): Page =>
  ({ body: () => bytes, revision: () => 258, modified: () => 7 }) as unknown as Page;

test('bytes of an event, a floor and an id', (t) => {
  t.deepEqual(eventsUnder(id), hex('65 0102030405060708'));
  t.deepEqual(eventRowKey(id, position), hex('65 0102030405060708 0000000000000102 00000001'));
  t.is(encodeEventId(bucket, position), '0102030405060708000000000000010200000001');
  t.deepEqual(decodeEventId('watch', bucket, encodeEventId(bucket, position)), position);
  t.deepEqual(decodeEvent(bucket, pageOf(body), 0), {
    id: '0102030405060708000000000000010200000001',
    type: 'ObjectCreated:Put',
    time: new Date(7),
    bucket: 'docs',
    key: 'a/é',
    etag: '"00112233445566778899AABBCCDDEEFF"',
    size: 4,
  });
  const floor = hex('01 0201000000000000 00000000');
  t.deepEqual(encodeFloor({ sequence: 258, place: 0 }), floor);
  const row = { revision: 300, version: 300, modified: 7, blob: null };
  t.deepEqual(floorOf({ ...row, body: floor }), { sequence: 258, place: 0 });
  const none = encodeFloor({ sequence: 0, place: 0 });
  t.deepEqual(floorOf({ ...row, body: none }), { sequence: 300, place: 0 });
});

test('positions are ordered by commit, then by place', (t) => {
  const places = [
    { sequence: 1, place: 0 },
    { sequence: 1, place: 1 },
    { sequence: 2, place: 0 },
  ];
  for (const [i, a] of places.entries())
    for (const [j, b] of places.entries()) t.is(isBefore(a, b), i < j);
});

test('damaged events and floors are refused', (t) => {
  const refused = (code: 'STORE_CORRUPT' | 'STORE_VERSION', call: () => unknown) =>
    t.true(StoreError.is(t.throws(call), code));
  const changed = (at: number, to: number) => {
    const bytes = Buffer.from(body);
    bytes[at] = to;
    return bytes;
  };
  for (let size = 0; size < 30; size++)
    refused('STORE_CORRUPT', () => decodeEvent(bucket, pageOf(body.subarray(0, size)), 0));
  refused('STORE_VERSION', () => decodeEvent(bucket, pageOf(changed(0, 2)), 0));
  refused('STORE_CORRUPT', () => decodeEvent(bucket, pageOf(changed(1, 6)), 0));
  const row = { revision: 300, version: 300, modified: 7, blob: null };
  const floor = hex('01 0201000000000000 00000000');
  for (let size = 0; size < floor.length; size++)
    refused('STORE_CORRUPT', () => floorOf({ ...row, body: floor.subarray(0, size) }));
  const later = Buffer.from(floor);
  later[0] = 2;
  refused('STORE_VERSION', () => floorOf({ ...row, body: later }));
});
