// The body of a bucket row:
//
//   body    = 01 class(1) id(8) created(8, little-endian ms) owner wrapped kept?
//           | 02 class(1) id(8) created(8, little-endian ms) owner wrapped versioning(1) kept?
//   owner   = length(1) UTF-8
//   wrapped = length(2, little-endian) the bucket key, wrapped by the engine and bound to the id
//   kept    = events that are kept(4, little-endian), where any are
//   versioning = 01 Enabled   02 Suspended
//
// docs/format/rows.md has a worked example.
import { StoreError } from '../errors.ts';
import { type VersioningState, versioningStates } from '../versioning/next-version.ts';

/** As OSS spells them; the position is what a row holds. */
export const storageClasses = [
  'Standard',
  'IA',
  'Archive',
  'ColdArchive',
  'DeepColdArchive',
] as const;
export type StorageClass = (typeof storageClasses)[number];

export interface BucketRow {
  /** Random: stands in the row keys of the bucket's objects. */
  readonly id: Uint8Array;
  /** Wall time in milliseconds. */
  readonly created: number;
  readonly owner: string;
  readonly storageClass: StorageClass;
  /** The bucket key, which wraps the DEKs of the bucket's blobs. */
  readonly wrapped: Uint8Array;
  readonly versioning: VersioningState;
  /** How many events are kept at least; absent where none are written. */
  readonly eventsKept?: number | undefined;
}

const plain = 1;
const versioned = 2;
const fixedSize = 18;

export function encodeBucketRow(row: BucketRow): Uint8Array {
  const owner = Buffer.from(row.owner);
  const state = versioningStates.indexOf(row.versioning);
  const tail = (state > 0 ? 1 : 0) + (row.eventsKept === undefined ? 0 : 4);
  const body = Buffer.alloc(fixedSize + 1 + owner.length + 2 + row.wrapped.length + tail);
  body[0] = state > 0 ? versioned : plain;
  body[1] = storageClasses.indexOf(row.storageClass);
  body.set(row.id, 2);
  body.writeBigUInt64LE(BigInt(row.created), 10);
  let at = body.writeUInt8(owner.length, fixedSize);
  body.set(owner, at);
  at = body.writeUInt16LE(row.wrapped.length, at + owner.length);
  body.set(row.wrapped, at);
  if (state > 0) body[at + row.wrapped.length] = state;
  if (row.eventsKept !== undefined) body.writeUInt32LE(row.eventsKept, body.length - 4);
  return body;
}

/** Throws STORE_VERSION for a row of a later version, STORE_CORRUPT for one that ends early. */
export function decodeBucketRow(bytes: Uint8Array): BucketRow {
  const body = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const form = body[0] ?? plain;
  if (form !== plain && form !== versioned) throw new StoreError('STORE_VERSION');
  const ownerSize = body[fixedSize] ?? 0;
  const wrappedFrom = fixedSize + 1 + ownerSize + 2;
  const storageClass = storageClasses[body[1] ?? -1];
  if (storageClass === undefined || body.length < wrappedFrom) throw damaged();
  const wrappedSize = body.readUInt16LE(wrappedFrom - 2);
  const wrappedEnd = wrappedFrom + wrappedSize;
  const end = wrappedEnd + (form === versioned ? 1 : 0);
  if (body.length !== end && body.length !== end + 4) throw damaged();
  const versioning = versioningStates[form === versioned ? (body[wrappedEnd] as number) : 0];
  if (versioning === undefined || (form === versioned && versioning === 'Unversioned'))
    throw damaged();
  return {
    id: Uint8Array.from(body.subarray(2, 10)),
    created: Number(body.readBigUInt64LE(10)),
    owner: body.toString('utf8', fixedSize + 1, fixedSize + 1 + ownerSize),
    storageClass,
    wrapped: Uint8Array.from(body.subarray(wrappedFrom, wrappedEnd)),
    versioning,
    ...(body.length > end && { eventsKept: body.readUInt32LE(end) }),
  };
}

function damaged(): StoreError {
  return new StoreError('STORE_CORRUPT', 'the row of a bucket cannot be read');
}
