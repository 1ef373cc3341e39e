// StorageEngine: the line between rules and bytes. Above it buckets, objects and policies; below it
// ordered rows, sealed blobs and commits. The embedded engine (native) is one implementation, the
// in-memory model another; test/suite runs against both.

import type { DigestName, Digests } from './digests.ts';

/**
 * The key of a row: bytes, ordered by memcmp, at most 1100. Read during the call only, so callers
 * may reuse one scratch array.
 */
export type RowKey = Uint8Array;

/** A row as committed. */
export interface Row {
  /** Sequence of the commit that wrote it: what conditions see. */
  readonly revision: number;
  /**
   * The revision that it began with: it stays when the row is written anew with the blob that it
   * has. Its version key says it (row-key.ts).
   */
  readonly version: number;
  /** Wall time in milliseconds, as given by the writer. */
  readonly modified: number;
  /** What the layers above stored; opaque to the engine. */
  readonly body: Uint8Array;
  /** The blob that the row owns, if any. */
  readonly blob: BlobInfo | null;
}

export interface BlobInfo {
  /** 32 upper-case hex digits: random, never used twice. */
  readonly id: string;
  /** Bytes of plaintext. */
  readonly size: number;
  /** CRC64/XZ of the plaintext as an unsigned decimal string. */
  readonly crc64: string;
}

/** Opaque: an opened key that wraps DEKs (a bucket key). Lives in native memory. */
export interface KeyHandle {
  readonly _keyHandle: never;
}

/** Opaque: the opened key of a list of parts, under which each part is a blob of its own. */
export interface PartsKey {
  readonly _partsKey: never;
}

/** "The row has this revision", or "there is no such row". */
export interface Check {
  readonly key: RowKey;
  readonly revision: number | null;
}

/**
 * One change. A transaction holds at most one per row key.
 *
 * - keepOld: the row that stood under an object row key stays, under its version key. Not with
 *   `blob: { keep: true }`
 * - versioned: `key` is a version key whose last bytes the commit's revision replaces. Without, a
 *   row under a version key is only removed, or written anew with `blob: { keep: true }`
 * - from: the row under this version key is moved to `key`, the object row key of the same object.
 *   Needs a check on it, with its revision
 */
export type Effect =
  | {
      readonly key: RowKey;
      readonly delete: true;
      readonly keepOld?: boolean;
      readonly event?: EventRow | undefined;
    }
  | {
      readonly key: RowKey;
      readonly from: RowKey;
      readonly keepOld?: false;
      readonly event?: EventRow | undefined;
    }
  | {
      readonly key: RowKey;
      readonly modified: number;
      readonly body: Uint8Array;
      readonly blob?: NewBlob;
      readonly keepOld?: boolean;
      readonly versioned?: boolean;
      readonly event?: EventRow | undefined;
    };

/**
 * Tells of an effect in a row that the engine adds to the same commit, in the order of the commits:
 *
 *   key  = under  sequence(8, big-endian)  place(4, big-endian)     the place among the commit's
 *   body = body  blob-id(16)  size(8, little-endian)  place(4, little-endian)
 *
 * Id and size are those of what the effect's row names, else zeros. A delete of a row that is not
 * there tells nothing.
 */
export interface EventRow {
  /** At most 64 bytes. */
  readonly under: RowKey;
  readonly modified: number;
  /** At most 32 KiB. */
  readonly body: Uint8Array;
}

/**
 * What a row names. Several rows may name one large blob or one list of parts: it goes with the
 * last of them, and no call removes it by name.
 *
 * - bytes: up to `StorageEngine.smallBlobMax` inline, sealed by the engine before commit() returns
 *   to the event loop, so the array may change afterwards; a part when `kek` is a parts key
 * - a finished writer
 * - source: a blob that get() found, for one more row; its sealed bytes are not touched
 * - parts: a list of parts; `fresh` for the first row that names it
 * - keep: the blob that the row has. Needs a check on this row, with its revision
 */
export type NewBlob =
  | { readonly bytes: Uint8Array; readonly kek: KeyHandle | PartsKey }
  | BlobWriter
  | { readonly source: BlobSource; readonly kek: KeyHandle }
  | NamedParts
  | { readonly keep: true };

export interface NamedParts {
  readonly parts: PartsKey;
  readonly fresh: boolean;
  readonly kek: KeyHandle;
  /** Bytes of all its parts together, and their CRC64. */
  readonly size: number;
  readonly crc64: string;
}

/** A blob that was found to be copied. It cannot go away while this is open. */
export interface BlobSource {
  /** Idempotent; releases the blob. */
  close(): void;
}

export interface Transaction {
  readonly checks?: readonly Check[];
  /** Row-key ranges [start, end) without a row above the revision `newest`; with 0 without any. */
  readonly ranges?: readonly UnchangedRange[];
  readonly effects: readonly Effect[];
}

export interface UnchangedRange {
  readonly start: RowKey;
  readonly end: RowKey;
  readonly newest: number;
}

export interface Committed {
  /** The transaction's sequence: the revision of every row it wrote. */
  readonly revision: number;
  /** Of the effects that brought a blob, in their order. */
  readonly blobs: readonly BlobInfo[];
}

export interface TakenCheckpoint {
  /** Of the commit of its row. */
  readonly sequence: number;
  /** 16 random bytes in hexadecimal. */
  readonly token: string;
  /** Of the record before that commit's: SHA-256 in hexadecimal. */
  readonly chainHash: string;
}

/** Pending, it may keep the process alive. */
export interface ChangeWait {
  /** Resolves after such a commit, after stop() and when the engine closes. Never rejects. */
  readonly over: Promise<void>;
  /** Idempotent. */
  stop(): void;
}

export interface WrittenBlob extends BlobInfo {
  /** Of the plaintext: those that writeBlob() was asked for. */
  readonly digests: Digests;
}

/**
 * Seals one large blob of unknown length while it is written. Always ends in a commit that names it
 * or in dispose().
 */
export interface BlobWriter {
  /**
   * Snapshots `bytes` before it returns or before the returned promise resolves; resolves when more
   * are welcome. One call at a time.
   */
  write(bytes: Uint8Array): Promise<void>;
  /** Seals the last stripe and makes the blob durable in every zone of the set. */
  finish(): Promise<WrittenBlob>;
  /** No-op after a commit took the blob; otherwise removes every trace. Never rejects. */
  dispose(): Promise<void>;
}

/** Reads a part of one large blob, front to back. The blob cannot go away while it is open. */
export interface BlobReader {
  /** The next bytes: fresh memory, verified, at most 1 MiB; null at the end. One call at a time. */
  read(): Promise<Uint8Array | null>;
  /** Idempotent; releases the blob. */
  close(): void;
}

export interface GetRequest {
  readonly key: RowKey;
  /** Must hold in the same snapshot, or get() rejects with PreconditionFailed. */
  readonly check?: Check;
  /**
   * Also open the row's blob with this key (a part with its list's), from `offset`, `length` bytes
   * at most; or, with `copy`, the blob as a source for another row.
   */
  readonly open?: {
    readonly kek: KeyHandle | PartsKey;
    readonly offset?: number;
    readonly length?: number;
    readonly copy?: boolean;
  };
}

/**
 * `offset` and `length` are the range that is really served: the request's, cut at the end of the
 * blob. A request with an offset at or beyond the end serves nothing (length 0).
 */
export interface Found {
  readonly row: Row;
  readonly offset: number;
  readonly length: number;
  /** The bytes, when the blob is small (always verified whole). */
  readonly bytes?: Uint8Array;
  /** A reader, when it is large. */
  readonly reader?: BlobReader;
  /** The key of its parts, when it is a list. They cannot go away while this is open. */
  readonly parts?: FoundParts;
  /** When it was asked for to be copied. */
  readonly source?: BlobSource;
}

export interface FoundParts {
  readonly key: PartsKey;
  /** Idempotent; releases the list. */
  close(): void;
}

export interface ScanRequest {
  /** Must hold in the snapshot or just before it, or scan() rejects with PreconditionFailed. */
  readonly check?: Check;
  /** First row key that may appear. */
  readonly start: RowKey;
  /** First row key that may not; empty for no bound. */
  readonly end: RowKey;
  readonly reverse?: boolean;
  /** Entries on the page at most, common prefixes included; at most 10,000. */
  readonly limit: number;
  /**
   * Collapse row keys that share a text up to and including this into one entry, from `groupFrom`
   * on.
   */
  readonly delimiter?: Uint8Array;
  readonly groupFrom?: number;
  /** Of row keys equal but for their last n bytes, only the first (newest) is an entry. */
  readonly versionSize?: number;
  /**
   * Every version: of each key the row that stands, as if its key ended in its version, then those
   * that are kept, as if they lay in the object family, the newest first. `resume` is such a key.
   * Needs versionSize 8, and object row keys as bounds; not reverse.
   */
  readonly versions?: boolean;
  /** Where the text of an entry begins in its row key; it ends before the first 00 byte. */
  readonly textFrom: number;
}

/** One snapshot's entries in scan order. Decoded when asked for. */
export interface Page {
  readonly count: number;
  /**
   * More may follow: a forward scan goes on with start = resume, a reverse one with end = resume.
   */
  readonly resume: Uint8Array | null;
  isPrefix(i: number): boolean;
  /** The row key's text from `textFrom`; for a common prefix up to and including the delimiter. */
  text(i: number): string;
  revision(i: number): number;
  version(i: number): number;
  modified(i: number): number;
  blobId(i: number): string | null;
  size(i: number): number;
  crc64(i: number): string;
  body(i: number): Uint8Array;
}

export interface ZoneState {
  /** 1-based. */
  readonly number: number;
  readonly id: string;
  readonly path: string;
  /** healing: in the set, but large objects may lack their cells there. */
  readonly state: 'ok' | 'healing' | 'stale' | 'unavailable';
  readonly inSet: boolean;
  readonly reason?: string;
}

export interface EngineStatus {
  readonly epoch: number;
  readonly sequence: number;
  readonly zones: readonly ZoneState[];
  /** Why the store refuses writes, or null. */
  readonly readOnlyReason: string | null;
  /** Counted since open. */
  readonly counters: {
    readonly degradedReads: number;
    readonly rotFound: number;
    readonly tamperingFound: number;
    readonly commits: number;
    readonly batches: number;
    /** Large blobs written while a zone was missing. */
    readonly withoutRedundancy: number;
  };
  readonly log: LogStatus;
}

/** What the log takes in each zone, in bytes, as it was last looked at. */
export interface LogStatus {
  readonly bytes: number;
  /** Of rows that stand and their small blobs; what is above it, compaction gives back. */
  readonly liveBytes: number;
  readonly segments: number;
  /** Carried forward since open. */
  readonly carriedBytes: number;
  /** Why nothing more is given back, or null. */
  readonly blocked: string | null;
}

/** Something in a zone that is not what must be there. */
export interface EngineFinding {
  readonly kind: 'missing' | 'rot' | 'stale' | 'tampering' | 'unreadable';
  /** 0: every zone, or nobody can say which. */
  readonly zone: number;
  /** It was put right, and read back from the disk. */
  readonly healed: boolean;
  readonly what: string;
  /** Of a row that names it, where one is known. */
  readonly rowKey: Uint8Array | null;
}

export interface VerifyNews {
  /** So far: bytes read, records of the log, cells of the zones, rows looked at. */
  readonly bytes: number;
  readonly records: number;
  readonly cells: number;
  readonly rows: number;
  /** Since the last news. */
  readonly findings: readonly EngineFinding[];
  /** Nothing follows. */
  readonly over: boolean;
  /** Of a backup that is over: the moment that it is of, and how many bytes it wrote. */
  readonly sequence: number;
  readonly written: number;
}

/** What was set aside in a zone. */
export interface QuarantinePage {
  /** Of all of it. */
  readonly total: number;
  readonly page: readonly {
    readonly name: string;
    readonly what: string;
    readonly reason: EngineFinding['kind'];
    /** Milliseconds since 1970. */
    readonly since: number;
  }[];
}

/** A verification on its way. It waits for whoever takes its findings. */
export interface Verifying {
  /**
   * Resolves when something was found, after a while, and at the end. Rejects when it cannot go on
   * (ABORTED after stop()), never for what it finds. One call at a time.
   */
  next(): Promise<VerifyNews>;
  /** Idempotent. */
  stop(): void;
}

export type EngineEvent =
  | { readonly type: 'zone:expelled'; readonly zone: number; readonly reason: string }
  | { readonly type: 'zone:stale'; readonly zone: number; readonly reason: string }
  | { readonly type: 'zone:returned' | 'zone:whole'; readonly zone: number }
  | { readonly type: 'zones:shared-device' }
  | { readonly type: 'rot' | 'tampering'; readonly zone: number; readonly what: string }
  | { readonly type: 'store:read-only'; readonly reason: string };

export interface StorageEngine {
  /** 32 hex digits. */
  readonly storeId: string;
  readonly formatVersion: number;
  readonly readOnly: boolean;
  /** Largest blob that may be committed inline, in bytes. */
  readonly smallBlobMax: number;

  /** A new random key, wrapped under the store's keys and bound to `context`. */
  createKey(context: Uint8Array): { readonly wrapped: Uint8Array; readonly kek: KeyHandle };
  /** DECRYPT_FAILED when `wrapped` or `context` is not what createKey saw. */
  openKey(wrapped: Uint8Array, context: Uint8Array): KeyHandle;

  get(request: GetRequest): Promise<Found | null>;
  scan(request: ScanRequest): Promise<Page>;
  /**
   * Atomic and durable in every zone of the set when it resolves. Rejects with PreconditionFailed
   * when a check does not hold; then nothing has happened.
   */
  commit(transaction: Transaction): Promise<Committed>;
  /**
   * Commits a row that names this moment, as checkpoint-row.ts says. No other call writes such a
   * row; the newest 1,000 stay.
   */
  checkpoint(): Promise<TakenCheckpoint>;
  /**
   * For a commit, by anybody on this engine, that changes a row whose key begins with `under`. A
   * read that begins after this call sees what was committed, or the wait ends.
   */
  awaitChange(under: RowKey): ChangeWait;
  /**
   * `size`: how many bytes will be written before finish(), where that is known. `digests` are
   * computed over the plaintext as it passes.
   */
  writeBlob(kek: KeyHandle | PartsKey, size?: number, digests?: readonly DigestName[]): BlobWriter;
  /**
   * Over at most smallBlobMax bytes. Reads them during the call only. InvalidArgument where this
   * process cannot compute one of them.
   */
  digest(names: readonly DigestName[], bytes: Uint8Array): Promise<Digests>;
  /** A new, empty list of parts; `id` has 16 bytes. It stands once a commit names it. */
  createParts(): { readonly id: Uint8Array; readonly key: PartsKey };

  /**
   * Looks at everything in the zones of the set that needs no key, past the page cache: logs, index
   * rows, large blobs. With `heal` it puts right in one zone what is right in others.
   * `bytesPerSecond` 0: at full speed. Runs go one after the other, and those that keep to a rate
   * beside them: these keep no process alive.
   */
  verify(request: { readonly heal: boolean; readonly bytesPerSecond: number }): Verifying;
  /** The same for the blob of one row, each of its chunks opened in each zone. */
  verifyRow(request: {
    readonly key: RowKey;
    readonly kek: KeyHandle | PartsKey;
    readonly heal: boolean;
    readonly bytesPerSecond: number;
  }): Verifying;

  /**
   * The first `limit` in the order of their names, of those above `after`. ZONE_UNAVAILABLE when
   * the zone does not answer.
   */
  quarantine(zone: number, after: string, limit: number): Promise<QuarantinePage>;

  /**
   * Makes the folder a zone that holds the store as it is at one moment, or moves one that is such
   * already on to now. Its news count bytes read and written; the last of them names the moment.
   */
  backUp(path: string): Verifying;

  /**
   * For a drill: takes a zone out of the set and reads nothing from it, until bringZoneBack or the
   * next open. ZONE_UNAVAILABLE unless every zone is whole; InvalidArgument where none is to spare.
   */
  takeZoneAway(zone: number): Promise<void>;
  /** It returns by itself from then on. */
  bringZoneBack(zone: number): void;
  /**
   * Makes a new zone in the empty folder `path`, in the place of this one, which is out for good.
   * Resolves when it is in the set; it is healing then. The next open is given its path.
   * ZONE_UNAVAILABLE unless every other zone is in the set; InvalidArgument where the folder is not
   * empty or there is one zone alone.
   */
  replaceZone(zone: number, path: string): Promise<void>;
  status(): EngineStatus;
  /**
   * Gives back what overwritten and removed rows, written before the call, take in the log. The
   * engine does so by itself, later and more gently.
   */
  compact(): Promise<void>;
  /** A throwing listener harms nothing. */
  onEvent(listener: (event: EngineEvent) => void): void;
  /** Refuses new calls, settles those in flight, checkpoints. Idempotent; ends in bounded time. */
  close(): Promise<void>;
}

export interface EmbeddedOptions {
  readonly zones: readonly string[];
  readonly create: boolean;
  readonly readOnly: boolean;
  /** 32 bytes; the callee copies and overwrites them. */
  readonly rootKey: Uint8Array;
  /**
   * Stored in clear in the superblock at creation: how to get the root key again (such as scrypt
   * parameters).
   */
  readonly rootHint: Uint8Array;
  readonly zoneDeadlineMs: number;
  readonly small: string;
  readonly large: string;
  readonly largeFrom: number;
  /** Bytes of slabs for uploads, and the same for downloads. */
  readonly slabBytes?: number;
}
