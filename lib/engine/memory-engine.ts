// MemoryEngine: the model of a StorageEngine, and what openMemory() stands on. It is the oracle of
// the conformance suite, so it is written to be obviously right: a map, a sorted list of row keys,
// and transactions that are checked and applied in one turn of the loop. Nothing is sealed, since
// nothing leaves the process; keys are still told apart, so a wrong one is noticed.
//
// Row keys are held as latin1 strings: one character per byte, so `<` on them is memcmp.
import { randomBytes } from 'node:crypto';
import { StoreError } from '../errors.ts';
import { crc64 } from './crc64.ts';
import {
  type MemoryBlob,
  MemoryKey,
  MemoryReader,
  MemoryWriter,
  newBlobId,
  part,
} from './memory-blob.ts';
import {
  bytesOf,
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
import type {
  BlobWriter,
  Check,
  Committed,
  EngineEvent,
  EngineStatus,
  Found,
  GetRequest,
  KeyHandle,
  NewBlob,
  Page,
  RowKey,
  ScanRequest,
  StorageEngine,
  Transaction,
} from './storage-engine.ts';

const rowKeySizeMax = 1100;
const pageLimitMax = 10_000;

export class MemoryEngine implements StorageEngine {
  readonly storeId: string = randomBytes(16).toString('hex');
  readonly formatVersion: number = 1;
  readonly readOnly: boolean = false;
  readonly smallBlobMax: number = 256 * 1024;

  readonly #rows = new Map<string, StoredRow>();
  /** The keys of #rows in order. */
  readonly #order: string[] = [];
  readonly #keys = new Map<string, MemoryKey>();
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
    const offset = Math.min(open.offset ?? 0, blob.info.size);
    const length = Math.min(open.length ?? blob.info.size, blob.info.size - offset);
    if (blob.small) return { row, offset, length, bytes: part(blob.pieces, offset, length) };
    return { row, offset, length, reader: new MemoryReader(this, blob, offset, length) };
  }

  async scan(request: ScanRequest): Promise<Page> {
    this.#refuseWhenClosed();
    if (!(request.limit >= 1 && request.limit <= pageLimitMax))
      throw new StoreError('InvalidArgument', `a page holds 1 to ${pageLimitMax} entries`);
    if (request.check !== undefined && !this.#holds(request.check))
      throw new StoreError('PreconditionFailed');
    return request.reverse === true ? this.#scanDown(request) : this.#scanUp(request);
  }

  async commit(transaction: Transaction): Promise<Committed> {
    this.#refuseWhenClosed();
    for (const check of transaction.checks ?? [])
      if (!this.#holds(check)) throw new StoreError('PreconditionFailed');
    for (const { start, end } of transaction.empty ?? [])
      if (!this.#isEmpty(rowKey(start), rowKey(end))) throw new StoreError('PreconditionFailed');
    const keys = transaction.effects.map((effect) => rowKey(effect.key));
    if (new Set(keys).size < keys.length)
      throw new StoreError('InvalidArgument', 'a transaction holds one effect per row key at most');

    // Blobs come before any row changes, since a bad one refuses the whole transaction.
    const blobs = transaction.effects.map((effect) =>
      'delete' in effect || effect.blob === undefined ? null : this.#takeBlob(effect.blob),
    );
    const revision = ++this.#sequence;
    for (const [i, effect] of transaction.effects.entries()) {
      const key = keys[i] as string;
      const blob = blobs[i] ?? null;
      if ('delete' in effect) {
        this.#delete(key);
      } else {
        const body = Uint8Array.from(effect.body);
        const row = { revision, modified: effect.modified, body, blob: blob?.info ?? null };
        this.#insert(key, { row, blob });
      }
    }
    return { revision, blobs: blobs.flatMap((blob) => (blob === null ? [] : [blob.info])) };
  }

  writeBlob(kek: KeyHandle): BlobWriter {
    this.#refuseWhenClosed();
    return new MemoryWriter(this, kek as unknown as MemoryKey);
  }

  status(): EngineStatus {
    const none = { degradedReads: 0, rotFound: 0, tamperingFound: 0, withoutRedundancy: 0 };
    return {
      epoch: 1,
      sequence: this.#sequence,
      zones: [],
      readOnlyReason: null,
      counters: { ...none, commits: this.#sequence, batches: this.#sequence },
    };
  }

  /** Memory has no zones to report on. */
  onEvent(_listener: (event: EngineEvent) => void): void {}

  async close(): Promise<void> {
    this.#closed = true;
    this.#rows.clear();
    this.#order.length = 0;
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

  #isEmpty(start: string, end: string): boolean {
    const first = this.#order[this.#position(start)];
    return first === undefined || first >= end;
  }

  #takeBlob(blob: NewBlob): MemoryBlob {
    if (blob instanceof MemoryWriter) return blob.take();
    if (!('bytes' in blob) || blob.bytes.length > this.smallBlobMax)
      throw new StoreError('InvalidArgument', 'an inline blob is over smallBlobMax');
    const bytes = Uint8Array.from(blob.bytes);
    const info = { id: newBlobId(), size: bytes.length, crc64: crc64(bytes) };
    return { info, key: blob.kek as unknown as MemoryKey, pieces: [bytes], small: true };
  }

  #insert(key: string, stored: StoredRow): void {
    if (!this.#rows.has(key)) this.#order.splice(this.#position(key), 0, key);
    this.#rows.set(key, stored);
  }

  #delete(key: string): void {
    if (this.#rows.delete(key)) this.#order.splice(this.#position(key), 1);
  }

  /** How many row keys come before `key`. */
  #position(key: string): number {
    let below = 0;
    let above = this.#order.length;
    while (below < above) {
      const middle = (below + above) >>> 1;
      if ((this.#order[middle] as string) < key) below = middle + 1;
      else above = middle;
    }
    return below;
  }

  #scanUp(request: ScanRequest): Page {
    const end = rowKey(request.end);
    const entries: Entry[] = [];
    let at = this.#position(rowKey(request.start));
    for (let key = this.#order[at]; key !== undefined && (end === '' || key < end); ) {
      if (entries.length === request.limit) return new MemoryPage(entries, bytesOf(key));
      const group = groupOf(key, request);
      entries.push(this.#entry(key, group, request));
      at = this.#position(group.end);
      key = this.#order[at];
    }
    return new MemoryPage(entries, null);
  }

  #scanDown(request: ScanRequest): Page {
    const start = rowKey(request.start);
    const end = rowKey(request.end);
    const entries: Entry[] = [];
    let at = end === '' ? this.#order.length : this.#position(end);
    for (let key = this.#order[at - 1]; key !== undefined && key >= start; ) {
      const group = groupOf(key, request);
      if (entries.length === request.limit) return new MemoryPage(entries, bytesOf(group.end));
      // The first row of the group stands for it, as in a scan upwards.
      at = this.#position(laterOf(group.start, start));
      entries.push(this.#entry(this.#order[at] as string, group, request));
      key = this.#order[at - 1];
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

function rowKey(key: RowKey): string {
  if (key.length > rowKeySizeMax) throw new StoreError('InvalidArgument', 'a row key is too long');
  return latin1(key);
}
