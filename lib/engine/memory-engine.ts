// MemoryEngine: the model of a StorageEngine, and what openMemory() stands on. It is the oracle of
// the conformance suite, so it is written to be obviously right: a map, a sorted list of row keys,
// and transactions that are checked and applied in one turn of the loop. Nothing is sealed, since
// nothing leaves the process; keys are still told apart, so a wrong one is noticed.
//
// Row keys are held as latin1 strings: one character per byte, so `<` on them is memcmp.
import { randomBytes } from 'node:crypto';
import { crc64 } from '../crc64.ts';
import { invalidArgument, StoreError } from '../errors.ts';
import {
  checkpointKey,
  checkpointRange,
  checkpointsKept,
  encodeCheckpointBody,
  isCheckpointKey,
} from './checkpoint-row.ts';
import type { DigestName, Digests } from './digests.ts';
import {
  type MemoryBlob,
  MemoryKey,
  MemoryReader,
  MemoryWriter,
  newBlobId,
  part,
} from './memory-blob.ts';
import { MemoryDigests } from './memory-digests.ts';
import { isPartKey, MemoryParts, MemorySource } from './memory-parts.ts';
import { MemoryRows } from './memory-rows.ts';
import {
  after,
  bytesOf,
  commonPrefix,
  type Entry,
  type Group,
  groupOf,
  laterOf,
  latin1,
  MemoryPage,
  type StoredRow,
  textEnd,
  utf8,
} from './memory-scan.ts';
import {
  hasVersions,
  isStandingKey,
  standingKeyOf,
  versionFrom,
  versionKeyOf,
} from './memory-versions.ts';
import { MemoryWaits } from './memory-waits.ts';
import { versionSize } from './row-key.ts';
import type {
  BlobInfo,
  BlobSource,
  BlobWriter,
  ChangeWait,
  Check,
  Committed,
  Effect,
  EngineEvent,
  EngineStatus,
  EventRow,
  Found,
  FoundParts,
  GetRequest,
  KeyHandle,
  NamedParts,
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
} from './storage-engine.ts';

const rowKeySizeMax = 1100;

function verified(rows: number): Verifying {
  const nothing = { bytes: 0, records: 0, cells: 0, findings: [], sequence: 0, written: 0 };
  return { next: async () => ({ ...nothing, rows, over: true }), stop() {} };
}
const pageLimitMax = 10_000;

export class MemoryEngine implements StorageEngine {
  readonly storeId: string = randomBytes(16).toString('hex');
  readonly formatVersion: number = 1;
  readonly readOnly: boolean = false;
  readonly smallBlobMax: number = 256 * 1024;

  readonly #rows = new MemoryRows();
  readonly #keys = new Map<string, MemoryKey>();
  /** The lists that some row names or some reader holds, by their prefix. */
  readonly #lists = new Map<string, MemoryParts>();
  readonly #waits = new MemoryWaits();
  #sequence = 0;
  #closed = false;

  createKey(context: Uint8Array): { wrapped: Uint8Array; kek: KeyHandle } {
    this.#refuseWhenClosed();
    const wrapped = randomBytes(40);
    const key = new MemoryKey(latin1(context));
    this.#keys.set(latin1(wrapped), key);
    return { wrapped, kek: key as unknown as KeyHandle };
  }

  openKey(wrapped: Uint8Array, context: Uint8Array): KeyHandle {
    this.#refuseWhenClosed();
    const key = this.#keys.get(latin1(wrapped));
    if (key === undefined || key.context !== latin1(context))
      throw new StoreError('DECRYPT_FAILED');
    return key as unknown as KeyHandle;
  }

  async get(request: GetRequest): Promise<Found | null> {
    this.#refuseWhenClosed();
    if (request.check !== undefined && !this.#holds(request.check))
      throw new StoreError('PreconditionFailed');
    const stored = this.#rows.get(rowKey(request.key));
    if (stored === undefined) return null;
    const { row, blob } = stored;
    const { open } = request;
    if (open === undefined || blob === null) return { row, offset: 0, length: 0 };
    if ((open.kek as unknown) !== blob.key) throw new StoreError('DECRYPT_FAILED');
    if (open.copy === true) {
      const source = new MemorySource(blob, open.kek as unknown as MemoryKey);
      return { row, offset: 0, length: 0, source };
    }
    const offset = Math.min(open.offset ?? 0, blob.info.size);
    const length = Math.min(open.length ?? blob.info.size, blob.info.size - offset);
    if (blob.parts !== undefined)
      return { row, offset, length, parts: this.#openParts(blob.parts) };
    if (blob.small) return { row, offset, length, bytes: part(blob.pieces, offset, length) };
    return { row, offset, length, reader: new MemoryReader(this, blob, offset, length) };
  }

  async scan(request: ScanRequest): Promise<Page> {
    this.#refuseWhenClosed();
    if (!(request.limit >= 1 && request.limit <= pageLimitMax))
      throw new StoreError('InvalidArgument', `a page holds 1 to ${pageLimitMax} entries`);
    if (request.check !== undefined && !this.#holds(request.check))
      throw new StoreError('PreconditionFailed');
    if (request.versions === true) return this.#scanVersions(request);
    return request.reverse === true ? this.#scanDown(request) : this.#scanUp(request);
  }

  async commit(transaction: Transaction): Promise<Committed> {
    this.#refuseWhenClosed();
    for (const check of transaction.checks ?? [])
      if (!this.#holds(check)) throw new StoreError('PreconditionFailed');
    for (const { start, end, newest } of transaction.ranges ?? [])
      if (!this.#isUnchanged(rowKey(start), rowKey(end), newest))
        throw new StoreError('PreconditionFailed');
    if (transaction.effects.some(({ key }) => isCheckpointKey(key)))
      throw new StoreError('InvalidArgument', 'only the engine writes checkpoints');
    const { effects } = transaction;
    const keys = effects.map((effect) => rowKey(effect.key));
    const touched = [...keys, ...effects.flatMap((e) => ('from' in e ? [rowKey(e.from)] : []))];
    if (new Set(touched).size < touched.length)
      throw new StoreError('InvalidArgument', 'a transaction holds one effect per row key at most');
    for (const [i, effect] of effects.entries()) this.#checkVersion(keys[i] as string, effect);

    // Blobs come before any row changes, since a bad one refuses the whole transaction.
    const blobs = effects.map((effect, i) =>
      'body' in effect && effect.blob !== undefined
        ? this.#takeBlob(effect.blob, keys[i] as string)
        : null,
    );
    const begun = blobs.flatMap((blob) => (blob?.parts === undefined ? [] : [blob.parts.prefix]));
    for (const [i, effect] of effects.entries())
      if ('body' in effect) this.#requirePartsOf(keys[i] as string, begun);
    const revision = ++this.#sequence;
    for (const [i, effect] of effects.entries())
      if ('versioned' in effect && effect.versioned)
        keys[i] = versionKeyOf(keys[i] as string, revision);
    const events = effects.flatMap((effect, i) => {
      const isVoid = 'delete' in effect && !this.#rows.get(keys[i] as string);
      const { event } = effect;
      return event === undefined || isVoid ? [] : [{ event, info: blobs[i]?.info ?? null }];
    });
    for (const [i, effect] of effects.entries())
      keys.push(...this.#apply(keys[i] as string, effect, blobs[i] ?? null, revision));
    for (const [place, { event, info }] of events.entries()) {
      const [key, body] = eventRow(event, revision, place, info);
      const row = { revision, version: revision, modified: event.modified, body, blob: null };
      keys.push(latin1(key));
      this.#rows.set(latin1(key), { row, blob: null });
    }
    this.#clearUnnamed();
    this.#waits.tell(keys);
    const brought = effects.flatMap((effect, i) => {
      const blob = blobs[i];
      return blob && 'body' in effect && effect.blob && !('keep' in effect.blob) ? [blob.info] : [];
    });
    return { revision, blobs: brought };
  }

  /** The keys that change besides its own. */
  #apply(key: string, effect: Effect, blob: MemoryBlob | null, revision: number): string[] {
    const old = this.#rows.get(key);
    const kept = old !== undefined && effect.keepOld ? [versionKeyOf(key, old.row.version)] : [];
    for (const keptKey of kept) this.#rows.set(keptKey, old as StoredRow);
    if (kept.length === 0) this.#count(old, -1);
    if ('delete' in effect) {
      this.#rows.delete(key);
    } else if ('from' in effect) {
      kept.push(rowKey(effect.from));
      this.#rows.set(key, this.#rows.delete(rowKey(effect.from)) as StoredRow);
    } else {
      const { modified } = effect;
      const keeps = effect.blob !== undefined && 'keep' in effect.blob && hasVersions(key);
      const version = keeps ? (old?.row.version ?? revision) : revision;
      const body = Uint8Array.from(effect.body);
      const row = { revision, version, modified, body, blob: blob?.info ?? null };
      this.#count({ row, blob }, 1);
      this.#rows.set(key, { row, blob });
    }
    return kept;
  }

  async checkpoint(): Promise<TakenCheckpoint> {
    this.#refuseWhenClosed();
    const sequence = ++this.#sequence;
    const token = randomBytes(16).toString('hex');
    const taken = { sequence, token, chainHash: randomBytes(32).toString('hex') };
    const numbers = { revision: sequence, version: sequence, modified: Date.now() };
    const row = { ...numbers, body: encodeCheckpointBody(taken) };
    this.#rows.set(latin1(checkpointKey(sequence)), { row: { ...row, blob: null }, blob: null });
    const [start, end] = checkpointRange.map(latin1) as [string, string];
    const all: string[] = [];
    for (let key = this.#rows.from(start); key !== undefined && key < end; ) {
      all.push(key);
      key = this.#rows.from(`${key}\0`);
    }
    for (const key of all.slice(0, -checkpointsKept)) this.#rows.delete(key);
    return taken;
  }

  awaitChange(under: RowKey): ChangeWait {
    return this.#waits.begin(latin1(under));
  }

  writeBlob(
    kek: KeyHandle | PartsKey,
    _size?: number,
    digests: readonly DigestName[] = [],
  ): BlobWriter {
    this.#refuseWhenClosed();
    return new MemoryWriter(this, kek as unknown as MemoryKey, digests);
  }

  async digest(names: readonly DigestName[], bytes: Uint8Array): Promise<Digests> {
    this.#refuseWhenClosed();
    const digests = new MemoryDigests(names);
    digests.update(bytes);
    return digests.values;
  }

  createParts(): { id: Uint8Array; key: PartsKey } {
    this.#refuseWhenClosed();
    const parts = new MemoryParts();
    return { id: parts.id, key: parts as unknown as PartsKey };
  }

  /** Memory has no disks to look at: its rows are counted. */
  verify(): Verifying {
    this.#refuseWhenClosed();
    return verified(this.#rows.size);
  }

  verifyRow(): Verifying {
    this.#refuseWhenClosed();
    return verified(1);
  }

  async quarantine(): Promise<QuarantinePage> {
    this.#refuseWhenClosed();
    return { total: 0, page: [] };
  }

  backUp(): Verifying {
    throw invalidArgument('a store in memory has no zone to back up');
  }

  async takeZoneAway(): Promise<void> {
    throw invalidArgument('a store in memory has no zone to spare');
  }

  async replaceZone(): Promise<void> {
    throw invalidArgument('a store in memory has no zone to replace');
  }

  bringZoneBack(): void {}

  status(): EngineStatus {
    const none = { degradedReads: 0, rotFound: 0, tamperingFound: 0, withoutRedundancy: 0 };
    return {
      epoch: 1,
      sequence: this.#sequence,
      zones: [],
      readOnlyReason: null,
      counters: { ...none, commits: this.#sequence, batches: this.#sequence },
      log: { bytes: 0, liveBytes: 0, segments: 0, carriedBytes: 0, blocked: null },
    };
  }

  /** Memory has no log. */
  async compact(): Promise<void> {
    this.#refuseWhenClosed();
  }

  /** Memory has no zones to report on. */
  onEvent(_listener: (event: EngineEvent) => void): void {}

  async close(): Promise<void> {
    this.#closed = true;
    this.#waits.end();
    this.#rows.clear();
    this.#keys.clear();
  }

  get closed(): boolean {
    return this.#closed;
  }

  #refuseWhenClosed(): void {
    if (this.#closed) throw new StoreError('STORE_CLOSED');
  }

  #holds({ key, revision }: Check): boolean {
    return (this.#rows.get(rowKey(key))?.row.revision ?? null) === revision;
  }

  #isUnchanged(start: string, end: string, newest: number): boolean {
    for (let key = this.#rows.from(start); key !== undefined && key < end; ) {
      if ((this.#rows.get(key)?.row.revision ?? 0) > newest) return false;
      key = this.#rows.from(`${key}\0`);
    }
    return true;
  }

  /** A part stands only while some row names its list. */
  #requirePartsOf(key: string, begun: readonly string[]): void {
    if (!isPartKey(key) || begun.includes(key.slice(0, 17))) return;
    if ((this.#lists.get(key.slice(0, 17))?.rows ?? 0) === 0)
      throw new StoreError('PreconditionFailed');
  }

  #openParts(parts: MemoryParts): FoundParts {
    let open = true;
    parts.readers++;
    const close = (): void => {
      if (!open) return;
      open = false;
      parts.readers--;
      this.#clearUnnamed();
    };
    return { key: parts as unknown as PartsKey, close };
  }

  #takeBlob(blob: NewBlob, key: string): MemoryBlob | null {
    if (blob instanceof MemoryWriter) return blob.take();
    if ('keep' in blob) {
      const stored = this.#rows.get(key);
      if (stored === undefined) throw new StoreError('PreconditionFailed');
      return stored.blob;
    }
    if ('source' in blob) return this.#nameAgain(blob.source, blob.kek);
    if ('parts' in blob) return this.#nameParts(blob);
    if (!('bytes' in blob) || blob.bytes.length > this.smallBlobMax)
      throw new StoreError('InvalidArgument', 'an inline blob is over smallBlobMax');
    const bytes = Uint8Array.from(blob.bytes);
    const info = { id: newBlobId(), size: bytes.length, crc64: crc64(bytes) };
    return { info, key: blob.kek as unknown as MemoryKey, pieces: [bytes], small: true };
  }

  #nameAgain(source: BlobSource, kek: KeyHandle): MemoryBlob {
    if (!(source instanceof MemorySource))
      throw new StoreError('InvalidArgument', 'a blob of another store');
    const { blob } = source;
    const rows = blob.parts?.rows ?? blob.named?.rows;
    if (rows === 0) throw new StoreError('PreconditionFailed');
    return { ...blob, key: kek as unknown as MemoryKey };
  }

  #nameParts(named: NamedParts): MemoryBlob {
    const parts = named.parts as unknown as MemoryParts;
    if ((parts.rows === 0) !== named.fresh) throw new StoreError('PreconditionFailed');
    const id = parts.id.toString('hex').toUpperCase();
    const info = { id, size: named.size, crc64: named.crc64 };
    return { info, key: named.kek as unknown as MemoryKey, pieces: [], small: false, parts };
  }

  /** A blob or list goes with the last row that names it. */
  #count(stored: StoredRow | undefined, rows: number): void {
    const blob = stored?.blob;
    if (blob?.named !== undefined) blob.named.rows += rows;
    if (blob?.parts === undefined) return;
    blob.parts.rows += rows;
    this.#lists.set(blob.parts.prefix, blob.parts);
  }

  #clearUnnamed(): void {
    for (const [prefix, { rows, readers }] of this.#lists) {
      if (rows > 0 || readers > 0) continue;
      this.#lists.delete(prefix);
      for (
        let key = this.#rows.from(prefix);
        key?.startsWith(prefix);
        key = this.#rows.from(prefix)
      )
        this.#count(this.#rows.delete(key), -1);
    }
  }

  #scanUp(request: ScanRequest): Page {
    const end = rowKey(request.end);
    const entries: Entry[] = [];
    let key = this.#rows.from(rowKey(request.start));
    while (key !== undefined && (end === '' || key < end)) {
      if (entries.length === request.limit) return new MemoryPage(entries, bytesOf(key));
      const group = groupOf(key, request);
      entries.push(this.#entry(key, group, request));
      key = this.#rows.from(group.end);
    }
    return new MemoryPage(entries, null);
  }

  #scanVersions(request: ScanRequest): Page {
    if (request.reverse === true || request.versionSize !== versionSize)
      throw new StoreError('InvalidArgument', 'versions of one family are scanned forwards');
    const end = rowKey(request.end);
    const entries: Entry[] = [];
    let at = rowKey(request.start);
    for (;;) {
      const next = versionFrom(this.#rows, at);
      if (next === null || next.shown >= end) return new MemoryPage(entries, null);
      if (entries.length === request.limit) return new MemoryPage(entries, bytesOf(at));
      const { shown, stored } = next;
      const prefix = commonPrefix(shown, request);
      const from = request.textFrom;
      if (prefix === null)
        entries.push({ text: utf8(shown.slice(from, textEnd(shown, from))), stored });
      else entries.push({ text: utf8(prefix.slice(from)), stored: null });
      at = prefix === null ? `${shown}\0` : after(prefix);
    }
  }

  /** InvalidArgument, PreconditionFailed. */
  #checkVersion(key: string, effect: Effect): void {
    const keeps = 'blob' in effect && effect.blob !== undefined && 'keep' in effect.blob;
    const wrong =
      (effect.keepOld && (!isStandingKey(key) || keeps)) ||
      ('versioned' in effect && effect.versioned && (key !== versionKeyOf(key, 0) || keeps));
    const invents = key[0] === 'v' && 'body' in effect && !effect.versioned && !keeps;
    const from = 'from' in effect ? rowKey(effect.from) : null;
    if (wrong || invents || (from !== null && (from[0] !== 'v' || standingKeyOf(from) !== key)))
      throw new StoreError('InvalidArgument', "only an object's rows are versions");
    if (from !== null && this.#rows.get(from) === undefined)
      throw new StoreError('PreconditionFailed');
  }

  #scanDown(request: ScanRequest): Page {
    const start = rowKey(request.start);
    const end = rowKey(request.end);
    const entries: Entry[] = [];
    let key = this.#rows.before(end);
    while (key !== undefined && key >= start) {
      const group = groupOf(key, request);
      if (entries.length === request.limit) return new MemoryPage(entries, bytesOf(group.end));
      // The first row of the group stands for it, as in a scan upwards.
      const from = laterOf(group.start, start);
      entries.push(this.#entry(this.#rows.from(from) as string, group, request));
      key = this.#rows.before(from);
    }
    return new MemoryPage(entries, null);
  }

  #entry(key: string, group: Group, request: ScanRequest): Entry {
    const from = request.textFrom;
    if (group.isPrefix) return { text: utf8(group.start.slice(from)), stored: null };
    return {
      text: utf8(key.slice(from, textEnd(key, from))),
      stored: this.#rows.get(key) as StoredRow,
    };
  }
}

function eventRow(
  { under, body }: EventRow,
  sequence: number,
  place: number,
  info: BlobInfo | null,
): [key: Uint8Array, body: Uint8Array] {
  const position = Buffer.alloc(12);
  position.writeBigUInt64BE(BigInt(sequence));
  position.writeUInt32BE(place, 8);
  const named = Buffer.alloc(28);
  if (info !== null) named.write(info.id, 'hex');
  named.writeBigUInt64LE(BigInt(info?.size ?? 0), 16);
  named.writeUInt32LE(place, 24);
  return [Buffer.concat([under, position]), Buffer.concat([body, named])];
}

function rowKey(key: RowKey): string {
  if (key.length > rowKeySizeMax) throw new StoreError('InvalidArgument', 'a row key is too long');
  return latin1(key);
}
