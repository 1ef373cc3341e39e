// Object events: what happened to the objects of a bucket, told in rows of the same commits.
//
//   body  = version(01) type(1) key(UTF-8) named           named: added by the engine (EventRow)
//   floor = version(01) sequence(8, little-endian) place(4, little-endian)
//           the newest event that is forgotten; sequence 0: all before the floor row's own commit
//   id    = hex( bucket-id(8) sequence(8, big-endian) place(4, big-endian) )
//
// Only where a bucket keeps events: to say so moves the bucket's row, which every commit checks, so
// from that commit on no change goes untold.
import { bucketIdSize, type EventPosition, eventRowKey } from '../engine/row-key.ts';
import type { EventRow, Page, Row } from '../engine/storage-engine.ts';
import { invalidArgument, StoreError } from '../errors.ts';
import type { KnownBucket } from './bucket-directory.ts';
import type { StoreContext } from './store-context.ts';

/** As OSS spells them; the position is what a row holds. */
export const objectEventTypes = [
  'ObjectCreated:Put',
  'ObjectCreated:Copy',
  'ObjectCreated:CompleteMultipartUpload',
  'ObjectCreated:Append',
  'ObjectRemoved:Delete',
  'ObjectRemoved:DeleteMarkerCreated',
] as const;
export type ObjectEventType = (typeof objectEventTypes)[number];

export interface ObjectEvent {
  /** Where it stands among the bucket's events, to go on from. As texts, ids ascend. */
  readonly id: string;
  readonly type: ObjectEventType;
  readonly time: Date;
  readonly bucket: string;
  readonly key: string;
  /** Of what was created. */
  readonly etag?: string;
  /** Bytes of what was created. */
  readonly size?: number;
}

const bodyVersion = 1;
/** What the engine adds: id, size and place. */
const namedSize = 28;
const floorSize = 13;
const idForm = /^[0-9a-f]{40}$/;

/** For the effect that it tells of; undefined where the bucket keeps no events. */
export function eventOf(
  context: StoreContext,
  bucket: KnownBucket,
  type: ObjectEventType,
  key: string,
  modified: number,
): EventRow | undefined {
  if (bucket.eventsUnder === null) return undefined;
  context.eventTrimmer.count(bucket);
  const body = Buffer.concat([
    Buffer.of(bodyVersion, objectEventTypes.indexOf(type)),
    Buffer.from(key),
  ]);
  return { under: bucket.eventsUnder, modified, body };
}

/** Entry `i` of a page of event rows. STORE_CORRUPT, STORE_VERSION. */
export function decodeEvent(bucket: KnownBucket, page: Page, i: number): ObjectEvent {
  const position = positionOf(page, i);
  const bytes = page.body(i);
  const body = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  if (body[0] !== bodyVersion) throw new StoreError('STORE_VERSION');
  const type = objectEventTypes[body[1] ?? -1];
  if (type === undefined) throw damagedEvent();
  const named = body.subarray(body.length - namedSize);
  const event = {
    id: encodeEventId(bucket, position),
    type,
    time: new Date(page.modified(i)),
    bucket: bucket.name,
    key: body.toString('utf8', 2, body.length - namedSize),
  };
  if (type.startsWith('ObjectRemoved:')) return event;
  const etag = `"${named.toString('hex', 0, 16).toUpperCase()}"`;
  return { ...event, etag, size: Number(named.readBigUInt64LE(16)) };
}

export function positionOf(page: Page, i: number): EventPosition {
  const bytes = page.body(i);
  if (bytes.length < 2 + namedSize) throw damagedEvent();
  const body = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  return { sequence: page.revision(i), place: body.readUInt32LE(body.length - 4) };
}

export function encodeFloor({ sequence, place }: EventPosition): Uint8Array {
  const body = Buffer.alloc(floorSize);
  body[0] = bodyVersion;
  body.writeBigUInt64LE(BigInt(sequence), 1);
  body.writeUInt32LE(place, 9);
  return body;
}

/** STORE_CORRUPT, STORE_VERSION. */
export function floorOf({ body: bytes, revision }: Row): EventPosition {
  const body = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  if (body.length !== floorSize) throw damagedEvent();
  if (body[0] !== bodyVersion) throw new StoreError('STORE_VERSION');
  const sequence = Number(body.readBigUInt64LE(1));
  if (sequence === 0) return { sequence: revision, place: 0 };
  return { sequence, place: body.readUInt32LE(9) };
}

export function isBefore(a: EventPosition, b: EventPosition): boolean {
  return a.sequence < b.sequence || (a.sequence === b.sequence && a.place < b.place);
}

export function encodeEventId({ row }: KnownBucket, position: EventPosition): string {
  return Buffer.from(eventRowKey(row.id, position).subarray(1)).toString('hex');
}

/** InvalidArgument for what is no id; null for one of another bucket, also of one of this name. */
export function decodeEventId(
  call: string,
  { row }: KnownBucket,
  id: string,
): EventPosition | null {
  if (!idForm.test(id)) throw invalidArgument(`${call}: from must be the id of an event`);
  const bytes = Buffer.from(id, 'hex');
  if (Buffer.compare(bytes.subarray(0, bucketIdSize), row.id) !== 0) return null;
  const sequence = Number(bytes.readBigUInt64BE(bucketIdSize));
  return { sequence, place: bytes.readUInt32BE(bucketIdSize + 8) };
}

function damagedEvent(): StoreError {
  return new StoreError('STORE_CORRUPT', 'the row of an event cannot be read');
}
