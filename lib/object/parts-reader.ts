// PartsReader: reads a range of an object that is a list of parts, part after part, as if it were
// one blob. Part rows are read a page at a time; one part is open at a time.
import { partRowKey, partRows } from '../engine/row-key.ts';
import type { BlobReader, Found, FoundParts, StorageEngine } from '../engine/storage-engine.ts';
import { StoreError } from '../errors.ts';
import { layoutOf } from './object-row.ts';
import {
  isSelected,
  type PartsLayout,
  partPosition,
  signpostEvery,
  signpostFor,
} from './part-list.ts';

interface Part {
  readonly position: number;
  /** In the object, in bytes. */
  readonly offset: number;
  readonly size: number;
}

/** What was found, with a reader also where its bytes are a list of parts. STORE_CORRUPT. */
export function readable(engine: StorageEngine, found: Found): Found {
  const { row, offset, length, parts } = found;
  if (parts === undefined) return found;
  try {
    const list = { parts, id: Buffer.from(row.blob?.id ?? '', 'hex'), layout: layoutOf(row.body) };
    return { row, offset, length, reader: new PartsReader(engine, list, offset, length) };
  } catch (error) {
    parts.close();
    throw error;
  }
}

class PartsReader implements BlobReader {
  readonly #engine: StorageEngine;
  readonly #parts: FoundParts;
  readonly #id: Uint8Array;
  readonly #layout: PartsLayout;
  /** Of the next byte, in the object. */
  #at: number;
  #left: number;
  #known: Part[] = [];
  /** Where the next page of part rows begins, and the offset of its first part. */
  #from: { position: number; offset: number } | null;
  #open: BlobReader | null = null;

  constructor(
    engine: StorageEngine,
    { parts, id, layout }: { parts: FoundParts; id: Uint8Array; layout: PartsLayout },
    offset: number,
    length: number,
  ) {
    this.#engine = engine;
    this.#parts = parts;
    this.#id = id;
    this.#layout = layout;
    this.#at = offset;
    this.#left = length;
    this.#from = layout.byNumber ? signpostFor(layout, offset) : { position: 0, offset: 0 };
  }

  async read(): Promise<Uint8Array | null> {
    while (this.#left > 0) {
      const piece = (await this.#open?.read()) ?? (await this.#next());
      if (piece === null) continue;
      this.#at += piece.length;
      this.#left -= piece.length;
      return piece;
    }
    return null;
  }

  close(): void {
    this.#left = 0;
    this.#open?.close();
    this.#open = null;
    this.#parts.close();
  }

  /** Opens the next part that holds bytes of the range: a small one's bytes, or null. */
  async #next(): Promise<Uint8Array | null> {
    this.#open?.close();
    this.#open = null;
    const part = await this.#nextPart();
    const offset = this.#at - part.offset;
    if (offset >= part.size) return null;
    const open = { kek: this.#parts.key, offset, length: Math.min(part.size - offset, this.#left) };
    const found = await this.#engine.get({ key: partRowKey(this.#id, part.position), open });
    if (found === null || found.length !== open.length) throw missing();
    this.#open = found.reader ?? null;
    return found.bytes ?? null;
  }

  async #nextPart(): Promise<Part> {
    for (;;) {
      const part = this.#known.shift();
      if (part !== undefined) return part;
      if (this.#from === null) throw missing();
      await this.#readPage(this.#from);
    }
  }

  async #readPage(from: { position: number; offset: number }): Promise<void> {
    const page = await this.#engine.scan({
      ...(this.#layout.byNumber ? partRows(this.#id, from.position) : await this.#rowsFrom(from)),
      limit: signpostEvery,
      textFrom: 0,
    });
    let { offset } = from;
    for (let i = 0; i < page.count; i++) {
      const position = partPosition(page, i);
      if (!isSelected(this.#layout, position)) continue;
      if (!this.#layout.byNumber) offset = position;
      this.#known.push({ position, offset, size: page.size(i) });
      offset += page.size(i);
    }
    const last = page.count === 0 ? null : partPosition(page, page.count - 1);
    this.#from = page.resume === null || last === null ? null : { position: last + 1, offset };
  }

  /** Of an object that grew by appends: the last part that begins at or before the next byte. */
  async #rowsFrom(from: { position: number }): Promise<{ start: Uint8Array; end: Uint8Array }> {
    if (from.position > 0) return partRows(this.#id, from.position);
    const { start, end } = partRows(this.#id, 0);
    const behind = partRowKey(this.#id, this.#at + 1);
    const page = await this.#engine.scan({
      start,
      end: behind,
      reverse: true,
      limit: 1,
      textFrom: 0,
    });
    return { start: page.count === 0 ? start : partRowKey(this.#id, partPosition(page, 0)), end };
  }
}

function missing(): StoreError {
  return new StoreError('STORE_CORRUPT', 'a part of the object is missing');
}
