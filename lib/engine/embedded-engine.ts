// The embedded engine: StorageEngine over the addon. Maps arguments and results, decides nothing.
import { type ErrorCode, invalidArgument, StoreError } from '../errors.ts';
import type {
  NativeBlob,
  NativeEngine,
  NativeEvent,
  NativeFound,
  NativeKey,
  NativeParts,
  NativePlace,
  NativeReader,
  NativeVerifying,
  NativeWriter,
} from './addon.ts';
import { type DigestName, type Digests, digestBits, unpackDigests } from './digests.ts';
import { loadAddon } from './load.ts';
import { PackedCommit, PackedPage, PackedRow } from './packed.ts';
import type {
  BlobReader,
  BlobSource,
  BlobWriter,
  ChangeWait,
  Committed,
  Effect,
  EmbeddedOptions,
  EngineEvent,
  EngineStatus,
  EventRow,
  Found,
  GetRequest,
  KeyHandle,
  NewBlob,
  Page,
  PartsKey,
  QuarantinePage,
  RowKey,
  ScanRequest,
  StorageEngine,
  TakenCheckpoint,
  Transaction,
  Verifying,
  VerifyNews,
  WrittenBlob,
} from './storage-engine.ts';

/** Bytes of one slab (native/blob/slab_pool.h). */
const slabSize = 32 * 18 * 4096;
const defaultSlabs = 12;
const scanLimitMax = 10_000;

/** @throws {StoreError} as open() */
export async function openEmbedded(options: EmbeddedOptions): Promise<StorageEngine> {
  const addon = loadAddon();
  const listeners: ((event: EngineEvent) => void)[] = [];
  const early: EngineEvent[] = [];
  const onEvent = (type: string, zone: number, what: string): void => {
    const event = toEvent(type, zone, what);
    if (listeners.length === 0) early.push(event);
    for (const listener of listeners) tell(listener, event);
  };
  const slabs =
    options.slabBytes === undefined ? defaultSlabs : Math.ceil(options.slabBytes / slabSize);
  try {
    const native = await addon.open(
      {
        zones: options.zones,
        create: options.create,
        readOnly: options.readOnly,
        rootKey: options.rootKey,
        rootHint: options.rootHint,
        zoneDeadlineMs: options.zoneDeadlineMs,
        small: geometryOf(options.small),
        large: geometryOf(options.large),
        largeFrom: options.largeFrom,
        slabs,
      },
      onEvent,
    );
    return new EmbeddedEngine(native, listeners, early);
  } catch (error) {
    throw toStoreError(error);
  } finally {
    options.rootKey.fill(0);
  }
}

/** Null: no store there. */
export async function readRootHint(
  zones: readonly string[],
  zoneDeadlineMs: number,
): Promise<Uint8Array | null> {
  try {
    return await loadAddon().readRootHint(zones, zoneDeadlineMs);
  } catch (error) {
    throw toStoreError(error);
  }
}

function geometryOf(text: string): readonly [number, number] {
  const [k, m] = text.split('+');
  return [Number(k), Number(m)];
}

function toEvent(type: string, zone: number, what: string): EngineEvent {
  if (type === 'zone:expelled' || type === 'zone:stale') return { type, zone, reason: what };
  if (type === 'zone:returned' || type === 'zone:whole') return { type, zone };
  if (type === 'store:read-only') return { type, reason: what };
  if (type === 'zones:shared-device') return { type };
  return { type: type === 'tampering' ? 'tampering' : 'rot', zone, what };
}

function tell(listener: (event: EngineEvent) => void, event: EngineEvent): void {
  try {
    listener(event);
  } catch {
    // A listener that throws must not harm the store; it has its own ways to complain.
  }
}

/** Native errors carry a stable code; what has none is a bug and passes through. */
function toStoreError(error: unknown): unknown {
  if (error instanceof StoreError || !(error instanceof Error)) return error;
  const code = (error as Error & { code?: unknown }).code;
  if (typeof code !== 'string' || error instanceof TypeError || error instanceof RangeError)
    return error;
  return new StoreError(code as ErrorCode, error.message, { cause: error });
}
function rethrow(error: unknown): never {
  throw toStoreError(error);
}

function keyOf<T extends KeyHandle | PartsKey>(
  handle: T,
): T extends KeyHandle ? NativeKey : NativeParts {
  return handle as unknown as T extends KeyHandle ? NativeKey : NativeParts;
}
function handleOf(key: NativeKey): KeyHandle {
  return key as unknown as KeyHandle;
}
function partsOf(key: NativeParts): PartsKey {
  return key as unknown as PartsKey;
}

/** Of a row's blob, as in native/format/row.h. */
const partsKind = 3;

class EmbeddedEngine implements StorageEngine {
  readonly storeId: string;
  readonly formatVersion: number;
  readonly readOnly: boolean;
  readonly smallBlobMax: number;
  readonly #native: NativeEngine;
  readonly #listeners: ((event: EngineEvent) => void)[];
  #early: EngineEvent[];
  #closing: Promise<void> | null = null;

  constructor(
    native: NativeEngine,
    listeners: ((event: EngineEvent) => void)[],
    early: EngineEvent[],
  ) {
    this.#native = native;
    this.#listeners = listeners;
    this.#early = early;
    const { storeId, formatVersion, readOnly, largeFrom } = native.describe();
    this.storeId = storeId;
    this.formatVersion = formatVersion;
    this.readOnly = readOnly;
    this.smallBlobMax = largeFrom;
  }

  /** Handles that outlive the engine must not reach into it. */
  checkOpen(): void {
    if (this.#closing !== null) throw new StoreError('STORE_CLOSED');
  }

  createKey(context: Uint8Array): { wrapped: Uint8Array; kek: KeyHandle } {
    this.checkOpen();
    const { wrapped, kek } = this.#native.createKey(context);
    return { wrapped, kek: handleOf(kek) };
  }

  openKey(wrapped: Uint8Array, context: Uint8Array): KeyHandle {
    try {
      return handleOf(this.#native.openKey(wrapped, context));
    } catch (error) {
      rethrow(error);
    }
  }

  get(request: GetRequest): Promise<Found | null> {
    const { key, check, open } = request;
    return this.#native
      .get(
        key,
        check?.key ?? null,
        check?.revision ?? 0,
        open ? keyOf(open.kek) : null,
        open?.offset ?? 0,
        open?.length ?? Number.MAX_SAFE_INTEGER,
        open?.copy ?? false,
      )
      .then(open ? (open.copy ? this.#toSource : this.#toOpened) : toFound, rethrow);
  }

  readonly #toOpened = (result: Buffer | [Buffer, NativeFound] | null): Found | null => {
    if (result === null) return null;
    if (!Array.isArray(result)) {
      const row = new PackedRow(result);
      const { offset, length } = row;
      return row.blob === null
        ? { row, offset, length }
        : { row, offset, length, bytes: row.takeBytes() };
    }
    const [packed, found] = result;
    const row = new PackedRow(packed);
    const { offset, length } = row;
    if (row.kind === partsKind) {
      const key = partsOf(this.#native.partsOf(found));
      return { row, offset, length, parts: { key, close: () => this.#native.release(found) } };
    }
    const reader = new EmbeddedReader(this, this.#native.openReader(found, offset, length));
    return { row, offset, length, reader };
  };

  readonly #toSource = (result: Buffer | [Buffer, NativeFound] | null): Found | null => {
    if (result === null) return null;
    if (!Array.isArray(result)) return toFound(result);
    const row = new PackedRow(result[0]);
    const source = new EmbeddedSource(this.#native, result[1]);
    return row.blob === null
      ? { row, offset: 0, length: 0 }
      : { row, offset: 0, length: 0, source };
  };

  createParts(): { id: Uint8Array; key: PartsKey } {
    this.checkOpen();
    const { id, key } = this.#native.createParts();
    return { id, key: partsOf(key) };
  }

  async scan(request: ScanRequest): Promise<Page> {
    const { limit } = request;
    if (!(Number.isInteger(limit) && limit >= 1 && limit <= scanLimitMax))
      throw invalidArgument(`scan: limit must be 1 to ${scanLimitMax}, not ${limit}`);
    return this.#native
      .scan(
        request.check?.key ?? null,
        request.check?.revision ?? 0,
        request.start,
        request.end,
        request.reverse ?? false,
        request.limit,
        request.delimiter ?? null,
        request.groupFrom ?? 0,
        request.versionSize ?? 0,
        request.textFrom,
        request.versions ?? false,
      )
      .then(toPage, rethrow);
  }

  commit(transaction: Transaction): Promise<Committed> {
    const { checks = [], ranges = [], effects } = transaction;
    const first = effects[0];
    const single = effects.length === 1 && checks.length <= 1 && ranges.length === 0;
    const plain = single && first?.event === undefined;
    const small = plain && first && 'blob' in first ? first.blob : undefined;
    if (first && 'body' in first && !first.versioned && small && 'bytes' in small) {
      const check = checks[0];
      return this.#native
        .commitOne(
          first.key,
          check?.key ?? null,
          check?.revision ?? 0,
          first.modified,
          first.body,
          small.bytes,
          keyOf(small.kek),
          first.keepOld ?? false,
        )
        .then(toCommitted, rethrow);
    }
    return this.#commitMany(checks, ranges, effects);
  }

  #commitMany(
    checks: NonNullable<Transaction['checks']>,
    ranges: NonNullable<Transaction['ranges']>,
    effects: Transaction['effects'],
  ): Promise<Committed> {
    const modified: number[] = [];
    const bodies: (Uint8Array | null)[] = [];
    const blobs: (NativeBlob | null)[] = [];
    const keks: (NativeKey | NativeParts | null)[] = [];
    const writers: EmbeddedWriter[] = [];
    const tells = effects.some(({ event }) => event !== undefined);
    const places = effects.map(placeOf);
    for (const effect of effects) {
      const blob = 'blob' in effect ? effect.blob : undefined;
      modified.push('modified' in effect ? effect.modified : 0);
      bodies.push('body' in effect ? effect.body : null);
      keks.push(blob !== undefined && 'kek' in blob ? keyOf(blob.kek) : null);
      if (blob instanceof EmbeddedWriter) writers.push(blob);
      blobs.push(blob === undefined ? null : toNative(blob));
    }
    return this.#native
      .commit(
        checks.map((check) => check.key),
        checks.map((check) => check.revision ?? 0),
        ranges.map((range) => range.start),
        ranges.map((range) => range.end),
        ranges.map((range) => range.newest),
        effects.map((effect) => effect.key),
        modified,
        bodies,
        blobs,
        keks,
        tells ? effects.map(({ event }) => toNativeEvent(event)) : null,
        places.some((place) => place !== null) ? places : null,
      )
      .then(
        (packed) => {
          for (const writer of writers) writer.taken();
          return toCommitted(packed);
        },
        (error) => {
          // Its fate is open: a blob that may stand in the log must not lose its files.
          if (error?.code === 'COMMIT_UNKNOWN') for (const writer of writers) writer.taken();
          rethrow(error);
        },
      );
  }

  async checkpoint(): Promise<TakenCheckpoint> {
    const packed = await this.#native.checkpoint().catch(rethrow);
    const hex = packed.toString('hex', 8);
    return {
      sequence: Number(packed.readBigUInt64LE(0)),
      token: hex.slice(0, 32),
      chainHash: hex.slice(32),
    };
  }

  awaitChange(under: RowKey): ChangeWait {
    const [over, stop] = this.#native.awaitChange(under);
    return { over, stop };
  }

  writeBlob(
    kek: KeyHandle | PartsKey,
    size?: number,
    digests: readonly DigestName[] = [],
  ): BlobWriter {
    this.checkOpen();
    try {
      const native = this.#native.writeBlob(keyOf(kek), size ?? 0, digestBits(digests));
      return new EmbeddedWriter(this, native, size, digests);
    } catch (error) {
      rethrow(error);
    }
  }

  async digest(names: readonly DigestName[], bytes: Uint8Array): Promise<Digests> {
    this.checkOpen();
    try {
      return unpackDigests(names, await this.#native.digest(digestBits(names), bytes));
    } catch (error) {
      rethrow(error);
    }
  }

  verify({ heal, bytesPerSecond }: { heal: boolean; bytesPerSecond: number }): Verifying {
    this.checkOpen();
    return toVerifying(this.#native.verify(heal, bytesPerSecond));
  }

  backUp(path: string): Verifying {
    this.checkOpen();
    return toVerifying(this.#native.backUp(path));
  }

  verifyRow(row: {
    key: RowKey;
    kek: KeyHandle | PartsKey;
    heal: boolean;
    bytesPerSecond: number;
  }): Verifying {
    this.checkOpen();
    return toVerifying(
      this.#native.verifyRow(row.key, keyOf(row.kek), row.heal, row.bytesPerSecond),
    );
  }

  quarantine(zone: number, after: string, limit: number): Promise<QuarantinePage> {
    return this.#native.quarantine(zone, after, limit).catch(rethrow) as Promise<QuarantinePage>;
  }

  takeZoneAway(zone: number): Promise<void> {
    return this.#native.takeZoneAway(zone).catch(rethrow);
  }

  replaceZone(zone: number, path: string): Promise<void> {
    return this.#native.replaceZone(zone, path).catch(rethrow);
  }

  bringZoneBack(zone: number): void {
    this.#native.bringZoneBack(zone);
  }

  status(): EngineStatus {
    return this.#native.status() as EngineStatus;
  }

  compact(): Promise<void> {
    return this.#native.compact().catch(rethrow);
  }

  onEvent(listener: (event: EngineEvent) => void): void {
    this.#listeners.push(listener);
    const early = this.#early;
    this.#early = [];
    for (const event of early) tell(listener, event);
  }

  close(): Promise<void> {
    this.#closing ??= this.#native.close().catch(rethrow);
    return this.#closing;
  }
}

function toVerifying([next, stop]: NativeVerifying): Verifying {
  return { next: () => next().catch(rethrow) as Promise<VerifyNews>, stop };
}

function toNativeEvent(event: EventRow | undefined): NativeEvent | null {
  return event === undefined ? null : [event.under, event.modified, event.body];
}

function toNative(blob: NewBlob): NativeBlob {
  if ('keep' in blob) return true;
  if (blob instanceof EmbeddedWriter) {
    // Its row stands already, or its files are gone.
    if (blob.over) throw invalidArgument('commit: the blob has its row already');
    return blob.native;
  }
  if ('bytes' in blob) return blob.bytes;
  if ('parts' in blob) return [keyOf(blob.parts), blob.size, BigInt(blob.crc64), blob.fresh];
  if ('source' in blob && blob.source instanceof EmbeddedSource) return blob.source.native;
  throw invalidArgument('commit: a blob of another store');
}

function placeOf(effect: Effect): NativePlace | null {
  if ('from' in effect) return effect.from;
  if (effect.keepOld) return 1;
  return 'versioned' in effect && effect.versioned ? 2 : null;
}

function toFound(result: Buffer | [Buffer, NativeFound] | null): Found | null {
  if (result === null || Array.isArray(result)) return null;
  const row = new PackedRow(result);
  return { row, offset: 0, length: 0 };
}
function toPage(packed: Buffer): Page {
  return new PackedPage(packed);
}
function toCommitted(packed: Buffer): Committed {
  return new PackedCommit(packed);
}

/**
 * Cuts a stream of arrays into the whole pieces that the addon takes. The last chunk of a blob is
 * sealed as the last: where the size is known it is seen when it comes; else one byte at least is
 * held back until finish().
 */
class EmbeddedWriter implements BlobWriter {
  readonly native: NativeWriter;
  readonly #engine: EmbeddedEngine;
  readonly #digests: readonly DigestName[];
  readonly #pieceMax: number;
  readonly #size: number | undefined;
  #written = 0;
  /** Less than or exactly one piece of copied bytes. */
  #held: Buffer | null = null;
  #heldSize = 0;
  #state: 'open' | 'ended' | 'finished' | 'over' = 'open';

  constructor(
    engine: EmbeddedEngine,
    native: NativeWriter,
    size: number | undefined,
    digests: readonly DigestName[],
  ) {
    this.#engine = engine;
    this.#digests = digests;
    this.native = native;
    this.#pieceMax = native.pieceMax();
    this.#size = size;
  }

  async write(bytes: Uint8Array): Promise<void> {
    this.#engine.checkOpen();
    const size = this.#size;
    const written = this.#written + bytes.length;
    if (size !== undefined && written > size)
      throw invalidArgument(`a blob of ${size} bytes was announced, ${written} were written`);
    this.#written = written;
    const ends = written === size;
    let at = 0;
    // Straight from the caller's array, behind what is held.
    for (
      let left = this.#next(bytes.length, ends);
      left > 0;
      left = this.#next(bytes.length - at, ends)
    ) {
      const fresh = bytes.subarray(at, at + left - this.#heldSize);
      at += fresh.length;
      const held = this.#held?.subarray(0, this.#heldSize);
      const last = ends && at === bytes.length;
      if (last) this.#state = 'ended';
      await this.#offer(held && this.#heldSize > 0 ? [held, fresh] : [fresh], last);
      this.#heldSize = 0;
    }
    if (at < bytes.length) this.#hold(bytes.subarray(at));
  }

  /** How long the piece is that `fresh` bytes behind the held ones make up; 0: none yet. */
  #next(fresh: number, ends: boolean): number {
    if (this.#state === 'ended') return 0;
    const size = this.#heldSize + fresh;
    // What is exactly one piece may be the end, unless more was announced.
    const whole = this.#size === undefined ? size > this.#pieceMax : size >= this.#pieceMax;
    return whole ? this.#pieceMax : ends ? size : 0;
  }

  #hold(bytes: Uint8Array): void {
    const size = this.#heldSize + bytes.length;
    if (this.#held === null || this.#held.length < size) {
      const grown = Buffer.allocUnsafeSlow(Math.min(this.#pieceMax, Math.max(65536, size * 2)));
      if (this.#held) this.#held.copy(grown, 0, 0, this.#heldSize);
      this.#held = grown;
    }
    this.#held.set(bytes, this.#heldSize);
    this.#heldSize = size;
  }

  async #offer(parts: readonly Uint8Array[], last: boolean): Promise<void> {
    try {
      for (;;) {
        const taken = this.native.offer(parts, last);
        if (taken === true) return;
        await taken;
      }
    } catch (error) {
      rethrow(error);
    }
  }

  async finish(): Promise<WrittenBlob> {
    if (this.#size !== undefined && this.#written !== this.#size)
      throw invalidArgument(`a blob of ${this.#size} bytes ends after ${this.#written}`);
    if (this.#state === 'open')
      await this.#offer([this.#held?.subarray(0, this.#heldSize) ?? new Uint8Array(0)], true);
    this.#held = null;
    const packed = await this.native.finish().catch(rethrow);
    this.#state = 'finished';
    const [info, end] = new PackedCommit(packed).only;
    const { id, size, crc64 } = info;
    return { id, size, crc64, digests: unpackDigests(this.#digests, packed.subarray(end)) };
  }

  get over(): boolean {
    return this.#state === 'over';
  }

  /** A commit names the blob now. */
  taken(): void {
    this.#state = 'over';
  }

  async dispose(): Promise<void> {
    if (this.#state === 'over') return;
    this.#state = 'over';
    this.#held = null;
    await this.native.abort().catch(() => {});
  }
}

class EmbeddedSource implements BlobSource {
  readonly native: NativeFound;
  readonly #engine: NativeEngine;
  constructor(engine: NativeEngine, native: NativeFound) {
    this.#engine = engine;
    this.native = native;
  }
  close(): void {
    this.#engine.release(this.native);
  }
}

class EmbeddedReader implements BlobReader {
  readonly #engine: EmbeddedEngine;
  readonly #native: NativeReader;
  constructor(engine: EmbeddedEngine, native: NativeReader) {
    this.#engine = engine;
    this.#native = native;
  }
  async read(): Promise<Uint8Array | null> {
    this.#engine.checkOpen();
    return this.#native.read().catch(rethrow);
  }
  close(): void {
    this.#native.close();
  }
}
