// CutStream: one stream of bytes as several bodies, one after the other.

/** A stream that fails ends its part where it failed; what has arrived is not lost. */
export class CutStream {
  readonly #iterator: AsyncIterator<Uint8Array>;
  /** Bytes of all parts so far. */
  taken = 0;
  /** Bytes that belong to the next part. */
  #rest: Uint8Array | null = null;
  #failure: { readonly error: unknown } | null = null;

  constructor(stream: AsyncIterable<Uint8Array>) {
    this.#iterator = stream[Symbol.asyncIterator]();
  }

  /** Whether another part would have bytes; rejects with the stream's own error at its end. */
  async more(): Promise<boolean> {
    while (this.#rest === null || this.#rest.length === 0) {
      if (this.#failure !== null) throw this.#failure.error;
      const { done, value } = await this.#iterator.next();
      if (done) return false;
      this.#rest = value;
    }
    return true;
  }

  /** The next part: `size` bytes, or what there is. Called when more() said true. */
  async *part(size: number): AsyncGenerator<Uint8Array, void, undefined> {
    for (let left = size; left > 0; ) {
      const bytes = this.#rest ?? (await this.#next());
      if (bytes === null) return;
      this.#rest = bytes.length > left ? bytes.subarray(left) : null;
      const count = Math.min(left, bytes.length);
      left -= count;
      this.taken += count;
      yield bytes.subarray(0, count);
    }
  }

  async #next(): Promise<Uint8Array | null> {
    try {
      const { done, value } = await this.#iterator.next();
      return done ? null : value;
    } catch (error) {
      this.#failure = { error };
      return null;
    }
  }
}
