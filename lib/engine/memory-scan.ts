// The scans of a MemoryEngine: which row keys collapse into one line of a page, and the page
// itself.
//
// Row keys are latin1 strings here: one character per byte, so `<` on them is memcmp.

import type { MemoryBlob } from './memory-blob.ts';
import { successor } from './row-key.ts';
import type { Page, Row, ScanRequest } from './storage-engine.ts';

export interface StoredRow {
  readonly row: Row;
  readonly blob: MemoryBlob | null;
}

/** One line of a page: a row, or a common prefix. */
export interface Entry {
  readonly text: string;
  readonly stored: StoredRow | null;
}

/** The row keys [start, end) that collapse into one entry. */
export interface Group {
  readonly start: string;
  readonly end: string;
  readonly isPrefix: boolean;
}

export function groupOf(key: string, request: ScanRequest): Group {
  const prefix = commonPrefix(key, request);
  if (prefix !== null) return { start: prefix, end: after(prefix), isPrefix: true };
  if (!request.versionSize) return { start: key, end: `${key}\0`, isPrefix: false };
  const start = key.slice(0, -request.versionSize);
  return { start, end: after(start), isPrefix: false };
}

/** Up to and including the first delimiter, which counts in the text only, never in the version. */
export function commonPrefix(key: string, request: ScanRequest): string | null {
  if (request.delimiter === undefined || request.delimiter.length === 0) return null;
  const delimiter = latin1(request.delimiter);
  const found = key.indexOf(delimiter, request.groupFrom ?? 0);
  if (found < 0 || found + delimiter.length > textEnd(key, request.textFrom)) return null;
  return key.slice(0, found + delimiter.length);
}

export function laterOf(a: string, b: string): string {
  return a > b ? a : b;
}

export function textEnd(key: string, from: number): number {
  const end = key.indexOf('\0', from);
  return end < 0 ? key.length : end;
}

/** The first possible row key behind all that begin with `start`. */
export function after(start: string): string {
  return latin1(successor(bytesOf(start)));
}

export class MemoryPage implements Page {
  readonly count: number;
  readonly resume: Uint8Array | null;
  readonly #entries: readonly Entry[];

  constructor(entries: readonly Entry[], resume: Uint8Array | null) {
    this.count = entries.length;
    this.resume = resume;
    this.#entries = entries;
  }

  isPrefix(i: number): boolean {
    return this.#entry(i).stored === null;
  }
  text(i: number): string {
    return this.#entry(i).text;
  }
  revision(i: number): number {
    return this.#row(i)?.revision ?? 0;
  }
  version(i: number): number {
    return this.#row(i)?.version ?? 0;
  }
  modified(i: number): number {
    return this.#row(i)?.modified ?? 0;
  }
  blobId(i: number): string | null {
    return this.#row(i)?.blob?.id ?? null;
  }
  size(i: number): number {
    return this.#row(i)?.blob?.size ?? 0;
  }
  crc64(i: number): string {
    return this.#row(i)?.blob?.crc64 ?? '0';
  }
  body(i: number): Uint8Array {
    return this.#row(i)?.body ?? new Uint8Array();
  }

  #row(i: number): Row | undefined {
    return this.#entry(i).stored?.row;
  }
  #entry(i: number): Entry {
    const entry = this.#entries[i];
    if (entry === undefined) throw new RangeError(`entry ${i} of ${this.count}`);
    return entry;
  }
}

export function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
}

export function bytesOf(key: string): Uint8Array {
  return Buffer.from(key, 'latin1');
}

export function utf8(text: string): string {
  return Buffer.from(text, 'latin1').toString();
}
