// The rows of a MemoryEngine: a map and its keys in order, so that a scan is a walk.
import type { StoredRow } from './memory-scan.ts';

export class MemoryRows {
  readonly #rows = new Map<string, StoredRow>();
  /** The keys of #rows in order. */
  readonly #order: string[] = [];

  get size(): number {
    return this.#order.length;
  }

  get(key: string): StoredRow | undefined {
    return this.#rows.get(key);
  }

  /** Returns what stood there. */
  set(key: string, stored: StoredRow): StoredRow | undefined {
    const old = this.#rows.get(key);
    if (old === undefined) this.#order.splice(this.#position(key), 0, key);
    this.#rows.set(key, stored);
    return old;
  }

  /** Returns what stood there. */
  delete(key: string): StoredRow | undefined {
    const old = this.#rows.get(key);
    if (this.#rows.delete(key)) this.#order.splice(this.#position(key), 1);
    return old;
  }

  clear(): void {
    this.#rows.clear();
    this.#order.length = 0;
  }

  /** The first key at or behind `start`. */
  from(start: string): string | undefined {
    return this.#order[this.#position(start)];
  }

  /** The last key before `end`; '' for no bound. */
  before(end: string): string | undefined {
    return this.#order[(end === '' ? this.#order.length : this.#position(end)) - 1];
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
}
