// Records and the rows in them (docs/format/record.md, row.md). What is read here was sealed: a
// structure that does not parse is the fault of whoever wrote it.
import { StoreError } from '../errors.ts';
import { Cursor, demand } from './bytes.ts';

export interface Effect {
  readonly key: Buffer;
  /** Null: deleted. */
  readonly row: Buffer | null;
  /** The revision that a carried row keeps. */
  readonly carried?: bigint;
}
/** Where the log begins, and how many of its bytes live. */
export interface Extent {
  /** Segments below it are retired. */
  readonly firstSegment: number;
  readonly sequenceBefore: bigint;
  readonly chainBefore: Buffer;
  readonly liveBytes: bigint;
}
interface Head {
  readonly epoch: bigint;
  readonly sequence: bigint;
  readonly chainBefore: Buffer;
  readonly wallMs: bigint;
  readonly complianceMs: bigint;
  readonly extent: Extent;
}
export interface Commit extends Head {
  readonly kind: 1;
  readonly transactions: readonly (readonly Effect[])[];
}
export interface Epoch extends Head {
  readonly kind: 2;
  readonly previousEpoch: bigint;
  readonly previousSegment: number;
  readonly baseLocation: bigint;
  readonly baseEnd: bigint;
  readonly baseSequence: bigint;
  readonly baseChain: Buffer;
  readonly set: readonly Buffer[];
}

export function readRecord(bytes: Buffer): Commit | Epoch {
  const c = new Cursor(bytes);
  const kind = c.u8();
  const [epoch, sequence, chainBefore] = [c.u64(), c.u64(), c.raw(32)];
  const times = { wallMs: c.u64(), complianceMs: c.u64() };
  const head = { epoch, sequence, chainBefore, ...times, extent: readExtent(c) };
  if (kind === 1) {
    const transactions = Array.from({ length: c.u32() }, () => readEffects(c));
    c.end();
    return { kind, ...head, transactions };
  }
  demand(kind === 2, 'record: kind');
  const [previousEpoch, previousSegment] = [c.u64(), c.u32()];
  const [baseLocation, baseEnd, baseSequence] = [c.u64(), c.u64(), c.u64()];
  const baseChain = c.raw(32);
  const set = Array.from({ length: c.u8() }, () => c.raw(16));
  c.end();
  const base = { baseLocation, baseEnd, baseSequence, baseChain };
  return { kind, ...head, previousEpoch, previousSegment, ...base, set };
}

function readExtent(c: Cursor): Extent {
  const [firstSegment, sequenceBefore] = [c.u32(), c.u64()];
  return { firstSegment, sequenceBefore, chainBefore: c.raw(32), liveBytes: c.u64() };
}

const [deleted, written, carried] = [0, 1, 2];

function readEffects(c: Cursor): Effect[] {
  return Array.from({ length: c.u32() }, () => {
    const kind = c.u8();
    const key = c.raw(c.u16());
    if (kind === deleted) return { key, row: null };
    if (kind === written) return { key, row: c.raw(c.u32()) };
    demand(kind === carried, 'effect: kind');
    const revision = c.u64();
    return { key, carried: revision, row: c.raw(c.u32()) };
  });
}

export interface BlobReference {
  readonly id: Buffer;
  readonly size: number;
  readonly crc64: bigint;
  /** Empty for a part: it is sealed under the DEK of its list. */
  readonly wrap: Buffer;
  /** Of a small one, in the log. */
  readonly location?: bigint;
  /** Its bytes are those of its parts. */
  readonly isList: boolean;
}
/** How many rows name a large blob or a list of parts, and a blob's place. */
export interface Counted {
  readonly references: number;
  readonly placement: number;
  readonly k: number;
  readonly m: number;
}
export interface Row {
  readonly modified: bigint;
  readonly blob: BlobReference | null;
  readonly counted?: Counted;
  readonly body: Buffer;
}

const [noBlob, small, list, smallPart, counting] = [0, 1, 3, 4, 6];
const wrapSize = 72;

export function readRow(bytes: Buffer): Row {
  const c = new Cursor(bytes);
  const form = c.u8();
  if (form !== 1 && form !== 2) throw new StoreError('STORE_VERSION');
  const kind = c.u8();
  demand(kind <= 6, 'row: kind');
  const modified = c.u64();
  if (form === 2) c.u64(); // Its version: the key of a row that is kept says it, too.
  if (kind === noBlob) return { modified, blob: null, body: c.rest() };
  if (kind === counting) {
    const counted = { references: c.u32(), placement: c.u16(), k: c.u8(), m: c.u8() };
    c.raw(8); // The size: whoever names the blob says it, too.
    return { modified, blob: null, counted, body: c.rest() };
  }
  const head = { id: c.raw(16), size: Number(c.u64()), crc64: c.u64(), isList: kind === list };
  const wrap = kind <= list ? c.raw(wrapSize) : Buffer.alloc(0);
  const place = kind === small || kind === smallPart ? { location: c.u64() } : {};
  return { modified, blob: { ...head, wrap, ...place }, body: c.rest() };
}
