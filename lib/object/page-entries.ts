// PageEntries: what pages hold, one by one.

/**
 * Iterates what each page holds, without a generator's step for every entry. Like one it answers
 * overlapping calls in turn, so that several consumers share the entries and lose none.
 */
export class PageEntries<P, T> implements AsyncIterableIterator<T> {
  readonly #pages: AsyncGenerator<P, void, undefined>;
  readonly #of: (page: P) => T[];
  #entries: T[] = [];
  #next = 0;
  /** The answer that was promised last, while it is pending. */
  #pending: Promise<unknown> | null = null;

  constructor(pages: AsyncGenerator<P, void, undefined>, of: (page: P) => T[]) {
    this.#pages = pages;
    this.#of = of;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<IteratorResult<T, undefined>> {
    if (this.#pending === null && this.#next < this.#entries.length)
      return Promise.resolve({ done: false, value: this.#entries[this.#next++] as T });
    return this.#inTurn(() => this.#step());
  }

  return(): Promise<IteratorResult<T, undefined>> {
    return this.#inTurn(async () => {
      this.#entries = [];
      await this.#pages.return();
      return { done: true, value: undefined };
    });
  }

  /** After whatever is pending, also after what fails. */
  #inTurn<R>(step: () => Promise<R>): Promise<R> {
    const answer = this.#pending === null ? step() : this.#pending.then(step, step);
    const done = () => {
      if (this.#pending === answer) this.#pending = null;
    };
    this.#pending = answer;
    answer.then(done, done);
    return answer;
  }

  async #step(): Promise<IteratorResult<T, undefined>> {
    while (this.#next >= this.#entries.length) {
      const page = await this.#pages.next();
      if (page.done) return { done: true, value: undefined };
      this.#entries = this.#of(page.value);
      this.#next = 0;
    }
    return { done: false, value: this.#entries[this.#next++] as T };
  }
}
