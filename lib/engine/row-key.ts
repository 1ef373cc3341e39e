// Row keys: bytes in memcmp order, one family per first letter.
//
//   bucket row = 'b' name
//   object row = 'o' bucket-id(8) key 00 FF*8                             the object that stands
//   version row = 'v' bucket-id(8) key 00 inverted-version(8, big-endian)   an older one, a marker
//   upload row = 'u' bucket-id(8) key 00 list-id(16)
//   part row   = 'P' list-id(16) position(8, big-endian)
//   event row  = 'e' bucket-id(8) sequence(8, big-endian) place(4, big-endian)
//   floor row  = 'e' bucket-id(8)                           the newest event that is forgotten
//   doomed row = 'E' bucket-id(8)                           its events go
//
// Keys hold no 00, so the terminator keeps prefix order equal to UTF-8 order: `a` sorts before
// `a/b`. The version is inverted so that the newest comes first. What stands lies apart from what
// it replaced: neither a get nor a list of a bucket meets old versions and delete markers, however
// many there are. The bucket's id, not its name, stands in the key: a bucket that is deleted and
// created again can never show rows of the old one.
import type { RowKey } from './storage-engine.ts';

/** Where the key begins in an object row's row key. */
export const objectTextFrom = 9;
/** Bytes of the version at the end of an object row's row key. */
export const versionSize = 8;
export const bucketIdSize = 8;

const letterB = 0x62;
const letterE = 0x65;
const letterDoomed = 0x45;
const letterO = 0x6f;
const letterP = 0x50;
const letterU = 0x75;
const letterV = 0x76;

// UTF-8 takes at most three bytes for each UTF-16 unit; keys have been measured before they get
// here.
const scratch = Buffer.allocUnsafeSlow(objectTextFrom + 3 * 1023 + 1 + versionSize);
scratch[0] = letterO;

export function bucketRowKey(name: string): RowKey {
  return Buffer.from(`b${name}`, 'latin1');
}

/** The bounds of all bucket rows whose names begin with `prefix` (ASCII). */
export function bucketRows(prefix: string): { start: RowKey; end: RowKey } {
  const start = bucketRowKey(prefix);
  return { start, end: successor(start) };
}

/**
 * The row key of an unversioned object, in scratch memory: valid until the next call, which is all
 * that an engine needs (see RowKey).
 */
export function objectRowKey(bucketId: Uint8Array, key: string): RowKey {
  scratch.set(bucketId, 1);
  const end = objectTextFrom + scratch.write(key, objectTextFrom, 'utf8');
  scratch[end] = 0;
  scratch.fill(0xff, end + 1, end + 1 + versionSize);
  return scratch.subarray(0, end + 1 + versionSize);
}

/** The last bytes of a version's row key. */
export function encodeVersion(version: number): Buffer {
  const bytes = Buffer.alloc(versionSize);
  bytes.writeBigUInt64BE(BigInt.asUintN(64, ~BigInt(version)));
  return bytes;
}

/** The row key of a version that does not stand. Memory of its own. */
export function versionRowKey(bucketId: Uint8Array, key: string, version: number): RowKey {
  const rowKey = Buffer.concat([objectTextKey(bucketId, key, 0), encodeVersion(version)]);
  rowKey[0] = letterV;
  return rowKey;
}

/** The bounds of the rows of a key's versions that do not stand, those that are newer first. */
export function versionRows(bucketId: Uint8Array, key: string): { start: RowKey; end: RowKey } {
  const start = objectTextKey(bucketId, key, 0);
  const end = objectTextKey(bucketId, key, 1);
  start[0] = end[0] = letterV;
  return { start, end };
}

/** The bounds of all versions of a bucket's objects that do not stand. */
export function allVersionRows(bucketId: Uint8Array): { start: RowKey; end: RowKey } {
  const start = Buffer.concat([Buffer.of(letterV), bucketId]);
  return { start, end: successor(start) };
}

/** What the row key of an object or a version says; null for a row key of another family. */
export function objectOfRowKey(rowKey: Uint8Array): { bucketId: Uint8Array; key: string } | null {
  const end = rowKey.length - versionSize - 1;
  if (rowKey[0] !== letterO && rowKey[0] !== letterV) return null;
  if (end < objectTextFrom || rowKey[end] !== 0) return null;
  const text = Buffer.from(rowKey.buffer, rowKey.byteOffset, end).toString('utf8', objectTextFrom);
  return { bucketId: rowKey.subarray(1, objectTextFrom), key: text };
}

/** As objectRowKey, in memory of its own: for transactions with several objects. */
export function ownObjectRowKey(bucketId: Uint8Array, key: string): RowKey {
  return Uint8Array.prototype.slice.call(objectRowKey(bucketId, key));
}

/** 'o' bucket-id text: where the rows of keys that begin with `text` start. Memory of its own. */
export function objectTextKey(bucketId: Uint8Array, text: string, ...tail: number[]): Buffer {
  const size = Buffer.byteLength(text);
  const bytes = Buffer.allocUnsafeSlow(objectTextFrom + size + tail.length);
  bytes[0] = letterO;
  bytes.set(bucketId, 1);
  bytes.write(text, objectTextFrom, 'utf8');
  bytes.set(tail, objectTextFrom + size);
  return bytes;
}

/** The bounds of all rows of a bucket's objects whose keys begin with `prefix`. */
export function objectRows(bucketId: Uint8Array, prefix: string): { start: RowKey; end: RowKey } {
  const start = objectTextKey(bucketId, prefix);
  return { start, end: successor(start) };
}

/** The row key of an upload; `listId` is that of its parts. Memory of its own. */
export function uploadRowKey(bucketId: Uint8Array, key: string, listId: Uint8Array): RowKey {
  const rowKey = Buffer.concat([objectTextKey(bucketId, key, 0), listId]);
  rowKey[0] = letterU;
  return rowKey;
}

/** The bounds of all rows of a bucket's uploads whose keys begin with `prefix`. */
export function uploadRows(bucketId: Uint8Array, prefix: string): { start: RowKey; end: RowKey } {
  const start = objectTextKey(bucketId, prefix);
  start[0] = letterU;
  return { start, end: successor(start) };
}

/** The row key of a part. Memory of its own. */
export function partRowKey(listId: Uint8Array, position: number): RowKey {
  const rowKey = Buffer.allocUnsafeSlow(1 + listId.length + 8);
  rowKey[0] = letterP;
  rowKey.set(listId, 1);
  rowKey.writeBigUInt64BE(BigInt(position), 1 + listId.length);
  return rowKey;
}

/** The bounds of a list's part rows, from `position` on. */
export function partRows(listId: Uint8Array, position: number): { start: RowKey; end: RowKey } {
  const all = Buffer.concat([Buffer.of(letterP), listId]);
  return { start: partRowKey(listId, position), end: successor(all) };
}

/** The key of a bucket's floor row, under which its event rows lie. Memory of its own. */
export function eventsUnder(bucketId: Uint8Array): RowKey {
  return Buffer.concat([Buffer.of(letterE), bucketId]);
}

/** Where an event stands: the sequence of its commit, and its place in it. */
export interface EventPosition {
  readonly sequence: number;
  readonly place: number;
}

/** The row key of an event. Memory of its own. */
export function eventRowKey(bucketId: Uint8Array, { sequence, place }: EventPosition): RowKey {
  const rowKey = Buffer.alloc(1 + bucketIdSize + 12);
  rowKey[0] = letterE;
  rowKey.set(bucketId, 1);
  rowKey.writeBigUInt64BE(BigInt(sequence), 1 + bucketIdSize);
  rowKey.writeUInt32BE(place, 1 + bucketIdSize + 8);
  return rowKey;
}

/** The bounds of a bucket's event rows behind a position; null: of all of them. */
export function eventRows(
  bucketId: Uint8Array,
  after: EventPosition | null,
): { start: RowKey; end: RowKey } {
  const end = successor(eventsUnder(bucketId));
  if (after === null) return { start: eventRowKey(bucketId, { sequence: 0, place: 0 }), end };
  return { start: Buffer.concat([eventRowKey(bucketId, after), Buffer.of(0)]), end };
}

/** The row key that says of a bucket's events that they go. Memory of its own. */
export function doomedEventsKey(bucketId: Uint8Array): RowKey {
  return Buffer.concat([Buffer.of(letterDoomed), bucketId]);
}

export function doomedEventsRows(): { start: RowKey; end: RowKey } {
  return { start: Uint8Array.of(letterDoomed), end: Uint8Array.of(letterDoomed + 1) };
}

/** The first row key behind all that begin with `bytes`: last byte plus one, after dropping FF. */
export function successor(bytes: Uint8Array): RowKey {
  let size = bytes.length;
  while (size > 0 && bytes[size - 1] === 0xff) size--;
  const next = Uint8Array.prototype.slice.call(bytes, 0, size);
  if (size > 0) next[size - 1] = (next[size - 1] ?? 0) + 1;
  return next;
}

/** The letter that begins every bucket row's key; for tests and the rescue reader. */
export const families: { readonly bucket: number; readonly object: number } = {
  bucket: letterB,
  object: letterO,
};
