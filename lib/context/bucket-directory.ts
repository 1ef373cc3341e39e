// BucketDirectory: the buckets this store has met, each with its row, revision and opened key. It
// may be behind the truth, since workers and other handles change buckets too. So nobody trusts it:
// every read and every commit carries a check on the bucket's row, and whoever is refused asks
// moved().
import { randomBytes } from 'node:crypto';
import { allVersionRows, bucketRowKey, eventsUnder, objectRows } from '../engine/row-key.ts';
import type { Check, KeyHandle, Row, RowKey, StorageEngine } from '../engine/storage-engine.ts';
import { StoreError } from '../errors.ts';
import { checkBucketName } from '../name/bucket-name.ts';
import { type BucketRow, decodeBucketRow, encodeBucketRow } from './bucket-row.ts';

/** Each holds an opened key in locked memory, so their number is bounded. */
const knownMax = 1000;

/** What a bucket is made with. */
export type NewBucket = Pick<BucketRow, 'storageClass' | 'versioning'>;
const plainBucket: NewBucket = { storageClass: 'Standard', versioning: 'Unversioned' };

/** A bucket as of one revision of its row. */
export class KnownBucket {
  readonly name: string;
  readonly row: BucketRow;
  /** "The bucket's row has this revision": goes with every read and commit under it. */
  readonly check: Check;
  readonly checks: readonly [Check];
  readonly kek: KeyHandle;
  /**
   * Opens a whole blob of the bucket; shared, so that a plain get allocates no request of its own.
   */
  readonly open: { readonly kek: KeyHandle };
  /** Where its events are told; null where they are not. */
  readonly eventsUnder: RowKey | null;
  /** All rows of the bucket's objects that stand. */
  readonly objects: { readonly start: RowKey; readonly end: RowKey };
  /** All rows of their versions that do not stand. */
  readonly olderVersions: { readonly start: RowKey; readonly end: RowKey };
  /** Its objects have version ids. */
  readonly versioned: boolean;

  constructor(name: string, row: BucketRow, revision: number, kek: KeyHandle) {
    this.name = name;
    this.row = row;
    this.check = { key: bucketRowKey(name), revision };
    this.checks = [this.check];
    this.kek = kek;
    this.open = { kek };
    this.eventsUnder = row.eventsKept === undefined ? null : eventsUnder(row.id);
    this.objects = objectRows(row.id, '');
    this.olderVersions = allVersionRows(row.id);
    this.versioned = row.versioning !== 'Unversioned';
  }

  /** Another bucket if it was deleted and created again. */
  isSame(other: KnownBucket): boolean {
    return Buffer.compare(this.row.id, other.row.id) === 0;
  }
}

export class BucketDirectory {
  readonly #engine: StorageEngine;
  readonly #known = new Map<string, KnownBucket>();

  constructor(engine: StorageEngine) {
    this.#engine = engine;
  }

  /** Without I/O. What is known has a valid name, so the hot path checks no name twice. */
  known(name: string): KnownBucket | undefined {
    return this.#known.get(name);
  }

  /** Reads the bucket's row; NoSuchBucket, InvalidBucketName. */
  async require(name: string): Promise<KnownBucket> {
    const bucket = await this.find(name);
    if (bucket === null) throw noSuchBucket(name);
    return bucket;
  }

  /** Reads the bucket's row; null when there is none. InvalidBucketName. */
  async find(name: string): Promise<KnownBucket | null> {
    checkBucketName(name);
    const found = await this.#engine.get({ key: bucketRowKey(name) });
    if (found === null) {
      this.#known.delete(name);
      return null;
    }
    return this.#know(name, found.row);
  }

  /** BucketAlreadyExists, InvalidBucketName. */
  async create(name: string, shape: NewBucket, now: number): Promise<KnownBucket> {
    checkBucketName(name);
    const id = randomBytes(8);
    const { wrapped, kek } = this.#engine.createKey(keyContext(id));
    const row: BucketRow = { id, created: now, owner: 'root', wrapped, ...shape };
    const key = bucketRowKey(name);
    try {
      const { revision } = await this.#engine.commit({
        checks: [{ key, revision: null }],
        effects: [{ key, modified: now, body: encodeBucketRow(row) }],
      });
      return this.#remember(new KnownBucket(name, row, revision, kek));
    } catch (error) {
      if (!StoreError.is(error, 'PreconditionFailed')) throw error;
      throw new StoreError('BucketAlreadyExists', undefined, { bucket: name });
    }
  }

  /**
   * For put: makes the bucket if it is missing; whoever else makes it at the same time is welcome.
   */
  async requireOrCreate(name: string, now: number): Promise<KnownBucket> {
    for (;;) {
      const found = await this.find(name);
      if (found !== null) return found;
      try {
        return await this.create(name, plainBucket, now);
      } catch (error) {
        if (!StoreError.is(error, 'BucketAlreadyExists')) throw error;
      }
    }
  }

  /**
   * For reads whose check was refused: the bucket as it is now. NoSuchBucket when it is gone;
   * `error` again when the row has not moved, since then the refusal was about something else.
   */
  async moved(bucket: KnownBucket, error: unknown): Promise<KnownBucket> {
    if (!StoreError.is(error, 'PreconditionFailed')) throw error;
    const now = await this.require(bucket.name);
    if (now.check.revision === bucket.check.revision) throw error;
    return now;
  }

  forget(name: string): void {
    this.#known.delete(name);
  }

  #know(name: string, { body, revision }: Row): KnownBucket {
    const known = this.#known.get(name);
    if (known?.check.revision === revision) return known;
    const row = decodeBucketRow(body);
    const kek = this.#engine.openKey(row.wrapped, keyContext(row.id));
    return this.#remember(new KnownBucket(name, row, revision, kek));
  }

  #remember(bucket: KnownBucket): KnownBucket {
    const oldest = this.#known.size >= knownMax ? this.#known.keys().next().value : undefined;
    if (oldest !== undefined) this.#known.delete(oldest);
    this.#known.set(bucket.name, bucket);
    return bucket;
  }
}

export function noSuchBucket(name: string): StoreError {
  return new StoreError('NoSuchBucket', undefined, { bucket: name });
}

/** Binds the wrap of a bucket key to its bucket: it opens for no other. */
function keyContext(id: Uint8Array): Uint8Array {
  return Buffer.concat([Buffer.from('strongroom bucket key\0'), id]);
}
