// Small durable puts, 64 in flight: ours into a bucket, the floor's as files, counted and checked
// alike. Shared by the two questions that ask for them.
import { join } from 'node:path';
import type { Bucket } from 'strongroom';
import { Bodies } from './bodies.ts';
import { DurableFiles } from './durable-files.ts';
import { rateOver } from './flight.ts';
import { requireBodies, requireCount } from './stored.ts';

const size = 4096;
const width = 64;
/** Of what was put by us, and not preloaded. */
const prefix = 'put/';

export class SmallPuts {
  readonly #bodies = new Bodies(size);
  readonly #bucket: Bucket;
  readonly #files: DurableFiles;
  #ours = 0;
  #floor = 0;

  static async create(bucket: Bucket, place: string): Promise<SmallPuts> {
    return new SmallPuts(bucket, await DurableFiles.create(join(place, 'files')));
  }

  private constructor(bucket: Bucket, files: DurableFiles) {
    this.#bucket = bucket;
    this.#files = files;
  }

  /** Puts per second. */
  ours(seconds: number): Promise<number> {
    return rateOver(seconds, width, () => {
      const n = this.#ours++;
      return this.#bucket.put(keyOf(n), this.#bodies.body(n));
    });
  }

  floor(seconds: number): Promise<number> {
    return rateOver(seconds, width, () => {
      const n = this.#floor++;
      return this.#files.put(fileOf(n), this.#bodies.body(n));
    });
  }

  /** Throws unless both hold what they acknowledged, and as many. */
  async check(): Promise<void> {
    await requireCount(this.#bucket, prefix, this.#ours);
    await requireBodies(this.#bucket, keyOf, this.#bodies, this.#ours);
    const files = await this.#files.count();
    if (files !== this.#floor) throw new Error(`${this.#floor} files were put, ${files} are there`);
    for (let n = 0; n < this.#floor; n += 500)
      this.#bodies.check(n, await this.#files.get(fileOf(n)), fileOf(n));
    await this.#files.close();
  }
}

/** As in life, neighbours in time are not neighbours in order. 2654435761 is odd: no key twice. */
function keyOf(n: number): string {
  const mixed = Math.imul(n, 2654435761) >>> 0;
  return `${prefix}${mixed.toString(16).padStart(8, '0')}`;
}
function fileOf(n: number): string {
  return keyOf(n).slice(prefix.length);
}
