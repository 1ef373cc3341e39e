// Bodies of any length, made as they are asked for and compared as they come back: neither lies in
// memory whole.
import type { Bodies } from './bodies.ts';

export class Streamed {
  readonly #bodies: Bodies;
  readonly #first: number;
  readonly #length: number;
  #at = 0;

  /** Pieces `first` and on, of the pool's size each; `length` is a multiple of it. */
  constructor(bodies: Bodies, first: number, length: number) {
    this.#bodies = bodies;
    this.#first = first;
    this.#length = length;
  }

  get pieces(): number {
    return this.#length / this.#bodies.size;
  }

  async *body(): AsyncGenerator<Uint8Array> {
    for (let i = 0; i < this.pieces; i++) yield this.#bodies.body(this.#first + i);
  }

  /** The next part, which may begin and end anywhere. Throws unless its bytes are right. */
  check(part: Uint8Array): void {
    const { size } = this.#bodies;
    for (let done = 0; done < part.length; ) {
      const from = this.#at % size;
      const piece = this.#bodies.body(this.#first + Math.floor(this.#at / size));
      const length = Math.min(part.length - done, size - from);
      const wanted = piece.subarray(from, from + length);
      if (Buffer.compare(wanted, part.subarray(done, done + length)) !== 0)
        throw new Error(`other bytes behind ${this.#at}`);
      done += length;
      this.#at += length;
    }
  }

  /** Throws unless all of it was checked. */
  checkEnd(): void {
    if (this.#at !== this.#length) throw new Error(`cut at ${this.#at} of ${this.#length} bytes`);
  }
}
