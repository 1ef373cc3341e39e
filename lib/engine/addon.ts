// The typed description of the native surface, once. native/binding is the other side; the byte
// layouts of the packed results stand in native/binding/convert.h.

export interface Addon {
  open(
    options: NativeOptions,
    onEvent: (type: string, zone: number, what: string) => void,
  ): Promise<NativeEngine>;
  readRootHint(zones: readonly string[], zoneDeadlineMs: number): Promise<Buffer | null>;
  describe(): AddonDescription;
}

export interface AddonDescription {
  readonly cryptoAvailable: boolean;
  /** Such as "OpenSSL 3.5.8". */
  readonly provider: string;
  readonly crc64Kernel: string;
  readonly erasureKernel: string;
}

export interface NativeOptions {
  readonly zones: readonly string[];
  readonly create: boolean;
  readonly readOnly: boolean;
  readonly rootKey: Uint8Array;
  readonly rootHint: Uint8Array;
  readonly zoneDeadlineMs: number;
  readonly small: readonly [k: number, m: number];
  readonly large: readonly [k: number, m: number];
  readonly largeFrom: number;
  /** Of uploads, and the same for downloads. */
  readonly slabs: number;
}

/** Opaque handles, type-tagged by the addon. */
export interface NativeKey {
  readonly _nativeKey: never;
}
export interface NativeParts {
  readonly _nativeParts: never;
}
/** A large blob or list of parts, pinned, or a small blob's sealed frame. */
export interface NativeFound {
  readonly _nativeFound: never;
}

/** What a row names, as `TakeBlob` of native/binding reads it. */
export type NativeBlob =
  | true
  | Uint8Array
  | NativeWriter
  | NativeFound
  | readonly [parts: NativeParts, size: number, crc64: bigint, fresh: boolean];

/** As `EventRow` of native/engine. */
export type NativeEvent = readonly [under: Uint8Array, modified: number, body: Uint8Array];

/** As `PlaceVersion` of native/binding reads it. */
export type NativePlace = 1 | 2 | Uint8Array;

export interface NativeEngine {
  describe(): { storeId: string; formatVersion: number; readOnly: boolean; largeFrom: number };
  createKey(context: Uint8Array): { wrapped: Buffer; kek: NativeKey };
  openKey(wrapped: Uint8Array, context: Uint8Array): NativeKey;
  /** A packed row; with what was found when it is opened later. */
  get(
    key: Uint8Array,
    checkKey: Uint8Array | null,
    checkRevision: number,
    kek: NativeKey | NativeParts | null,
    offset: number,
    length: number,
    frame: boolean,
  ): Promise<Buffer | [Buffer, NativeFound] | null>;
  openReader(found: NativeFound, offset: number, length: number): NativeReader;
  partsOf(found: NativeFound): NativeParts;
  release(found: NativeFound): void;
  createParts(): { id: Buffer; key: NativeParts };
  /** A packed page. */
  scan(
    checkKey: Uint8Array | null,
    checkRevision: number,
    start: Uint8Array,
    end: Uint8Array,
    reverse: boolean,
    limit: number,
    delimiter: Uint8Array | null,
    groupFrom: number,
    versionSize: number,
    textFrom: number,
    versions: boolean,
  ): Promise<Buffer>;
  /** A packed commit. The small put: sealed before the call returns. */
  commitOne(
    key: Uint8Array,
    checkKey: Uint8Array | null,
    checkRevision: number,
    modified: number,
    body: Uint8Array,
    bytes: Uint8Array,
    kek: NativeKey | NativeParts,
    keepOld: boolean,
  ): Promise<Buffer>;
  commit(
    checkKeys: readonly Uint8Array[],
    checkRevisions: readonly number[],
    rangeStarts: readonly Uint8Array[],
    rangeEnds: readonly Uint8Array[],
    rangeNewest: readonly number[],
    keys: readonly Uint8Array[],
    modified: readonly number[],
    bodies: readonly (Uint8Array | null)[],
    blobs: readonly (NativeBlob | null)[],
    keks: readonly (NativeKey | NativeParts | null)[],
    events: readonly (NativeEvent | null)[] | null,
    versions: readonly (NativePlace | null)[] | null,
  ): Promise<Buffer>;
  /** Sequence u64, token 16, chain hash 32. */
  checkpoint(): Promise<Buffer>;
  awaitChange(under: Uint8Array): [over: Promise<void>, stop: () => void];
  writeBlob(kek: NativeKey | NativeParts, expectedSize: number, digestBits: number): NativeWriter;
  /** The values, as digests.ts unpacks them: of a short body at once. */
  digest(bits: number, bytes: Uint8Array): Buffer | Promise<Buffer>;
  verify(heal: boolean, bytesPerSecond: number): NativeVerifying;
  verifyRow(
    key: Uint8Array,
    kek: NativeKey | NativeParts,
    heal: boolean,
    bytesPerSecond: number,
  ): NativeVerifying;
  quarantine(zone: number, after: string, limit: number): Promise<unknown>;
  backUp(path: string): NativeVerifying;
  takeZoneAway(zone: number): Promise<void>;
  bringZoneBack(zone: number): void;
  replaceZone(zone: number, path: string): Promise<void>;
  status(): unknown;
  compact(): Promise<void>;
  close(): Promise<void>;
}

/** As VerifyNews, with row keys as null where there are none. */
export type NativeVerifying = readonly [next: () => Promise<unknown>, stop: () => void];

export interface NativeWriter {
  /** The size of a whole piece, in bytes: what offer() takes while more follows. */
  pieceMax(): number;
  /** True when taken, else a promise of the moment to offer the same parts again. */
  offer(parts: readonly Uint8Array[], last: boolean): true | Promise<false>;
  /** A packed commit of one blob, and the digests behind it. */
  finish(): Promise<Buffer>;
  abort(): Promise<void>;
}

export interface NativeReader {
  read(): Promise<Buffer | null>;
  close(): void;
}
