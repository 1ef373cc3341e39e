// ObjectView: one object of a row or of a line of a page. A listing makes a thousand of these, so
// nothing is decoded before it is asked for.
import { inspect } from 'node:util';
import type { KnownBucket } from '../context/bucket-directory.ts';
import type { StorageClass } from '../context/bucket-row.ts';
import type { Page, Row } from '../engine/storage-engine.ts';
import { encodeVersionId } from '../versioning/version-id.ts';
import {
  decodeObjectRow,
  isMarker,
  isNumbered,
  type ObjectHeader,
  type ObjectType,
  typeOf,
} from './object-row.ts';
import type { Checksums, StoredObject } from './types.ts';

/** What a view reads from: a Page, or one row that looks like it. */
export type Entries = Pick<
  Page,
  'text' | 'version' | 'modified' | 'blobId' | 'size' | 'crc64' | 'body'
> & {
  /** The key that the row was found under, when a link was followed. */
  readonly target?: string | undefined;
};

/** A row as a page of one entry. */
export class RowEntry implements Entries {
  readonly #key: string;
  readonly #row: Row;
  readonly target: string | undefined;

  constructor(key: string, row: Row, target?: string) {
    this.#key = key;
    this.#row = row;
    this.target = target;
  }

  text(): string {
    return this.#key;
  }
  version(): number {
    return this.#row.version;
  }
  modified(): number {
    return this.#row.modified;
  }
  blobId(): string | null {
    return this.#row.blob?.id ?? null;
  }
  size(): number {
    return this.#row.blob?.size ?? 0;
  }
  crc64(): string {
    return this.#row.blob?.crc64 ?? '0';
  }
  body(): Uint8Array {
    return this.#row.body;
  }
}

/** What of a bucket its objects show. */
export type BucketOfView = Pick<KnownBucket, 'name' | 'versioned'>;

export class ObjectView implements StoredObject {
  readonly #bucket: BucketOfView;
  readonly #entries: Entries;
  readonly #i: number;
  #header: ObjectHeader | null = null;

  constructor(bucket: BucketOfView, entries: Entries, i: number) {
    this.#bucket = bucket;
    this.#entries = entries;
    this.#i = i;
  }

  get bucket(): string {
    return this.#bucket.name;
  }
  get key(): string {
    return this.#entries.text(this.#i);
  }
  get type(): ObjectType {
    return typeOf(this.#entries.body(this.#i));
  }
  get symlinkTarget(): string | undefined {
    return this.#entries.target ?? this.#decoded.symlinkTarget;
  }
  get size(): number {
    return this.#entries.size(this.#i);
  }
  get etag(): string {
    return etagOf(this.#entries.blobId(this.#i));
  }
  get versionId(): string | undefined {
    const numbered = isNumbered(this.#entries.body(this.#i));
    if (!numbered && !this.#bucket.versioned) return undefined;
    return encodeVersionId(numbered ? this.#entries.version(this.#i) : null);
  }
  get isLatest(): boolean | undefined {
    return undefined;
  }
  get isDeleteMarker(): boolean | undefined {
    return undefined;
  }
  get lastModified(): Date {
    return new Date(this.#entries.modified(this.#i));
  }
  get contentType(): string {
    return this.#decoded.contentType ?? 'application/octet-stream';
  }
  get metadata(): Readonly<Record<string, string>> {
    return this.#decoded.metadata;
  }
  get tags(): Readonly<Record<string, string>> {
    return this.#decoded.tags;
  }
  get storageClass(): StorageClass {
    return 'Standard';
  }
  get checksums(): Readonly<Checksums> {
    return { crc64: this.#entries.crc64(this.#i), ...this.#decoded.checksums };
  }

  httpHeaders(): Headers {
    const header = this.#decoded;
    const headers = new Headers({
      'content-type': this.contentType,
      'content-length': String(this.size),
      etag: this.etag,
      'last-modified': this.lastModified.toUTCString(),
      'x-oss-hash-crc64ecma': this.checksums.crc64,
      'x-oss-object-type': this.type,
      'x-oss-storage-class': this.storageClass,
    });
    if (header.contentEncoding) headers.set('content-encoding', header.contentEncoding);
    if (header.contentDisposition) headers.set('content-disposition', header.contentDisposition);
    if (header.contentLanguage) headers.set('content-language', header.contentLanguage);
    if (header.cacheControl) headers.set('cache-control', header.cacheControl);
    const { md5 } = header.checksums;
    if (md5 !== undefined) headers.set('content-md5', Buffer.from(md5, 'hex').toString('base64'));
    if (header.symlinkTarget !== undefined)
      headers.set('x-oss-symlink-target', encodeURIComponent(header.symlinkTarget));
    if (this.versionId !== undefined) headers.set('x-oss-version-id', this.versionId);
    const tagCount = Object.keys(header.tags).length;
    if (tagCount > 0) headers.set('x-oss-tagging-count', String(tagCount));
    if (header.expires) headers.set('expires', header.expires.toUTCString());
    // Values may be any text; on the wire they are percent-encoded where they are not ASCII.
    for (const [name, value] of Object.entries(header.metadata))
      headers.set(`x-oss-meta-${name}`, value.replace(/[^\x20-\x7e]+/g, encodeURIComponent));
    return headers;
  }

  toJSON(): object {
    const { bucket, key, type, size, etag, lastModified } = this;
    const { contentType, metadata, tags, storageClass, checksums, symlinkTarget } = this;
    const { versionId, isLatest, isDeleteMarker } = this;
    return {
      bucket,
      key,
      type,
      size,
      etag,
      ...(versionId === undefined ? {} : { versionId }),
      ...(isLatest === undefined ? {} : { isLatest }),
      ...(isDeleteMarker === undefined ? {} : { isDeleteMarker }),
      lastModified,
      contentType,
      metadata,
      tags,
      storageClass,
      checksums,
      ...(symlinkTarget === undefined ? {} : { symlinkTarget }),
    };
  }

  get #decoded(): ObjectHeader {
    this.#header ??= decodeObjectRow(this.#entries.body(this.#i));
    return this.#header;
  }
}

/** One line of a list of versions. */
export class VersionView extends ObjectView {
  readonly #isLatest: boolean;
  readonly #isDeleteMarker: boolean;

  constructor(bucket: BucketOfView, entries: Entries, i: number, isLatest: boolean) {
    super(bucket, entries, i);
    this.#isLatest = isLatest;
    this.#isDeleteMarker = isMarker(entries.body(i));
  }

  override get isLatest(): boolean {
    return this.#isLatest;
  }
  override get isDeleteMarker(): boolean {
    return this.#isDeleteMarker;
  }
}

// console.log() shows the fields, not the empty object that getters alone would leave.
Object.defineProperty(ObjectView.prototype, inspect.custom, {
  value(this: ObjectView): object {
    return this.toJSON();
  },
});

/** The blob's id in double quotes: see docs/decisions/0003-etag-is-the-blob-id.md. */
export function etagOf(blobId: string | null): string {
  return `"${blobId ?? ''}"`;
}
