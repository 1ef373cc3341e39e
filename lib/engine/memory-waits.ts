// MemoryWaits: who waits for a change of the rows under a prefix, as the engine of the addon has
// it.
import type { ChangeWait } from './storage-engine.ts';

export class MemoryWaits {
  /** Who waits under each prefix. */
  readonly #waits = new Map<string, Set<() => void>>();
  #ended = false;

  begin(under: string): ChangeWait {
    let resolve = (): void => {};
    const over = new Promise<void>((settle) => {
      resolve = settle;
    });
    const stop = (): void => {
      const waiting = this.#waits.get(under);
      if (waiting?.delete(resolve) && waiting.size === 0) this.#waits.delete(under);
      resolve();
    };
    if (this.#ended) resolve();
    else this.#waits.set(under, (this.#waits.get(under) ?? new Set()).add(resolve));
    return { over, stop };
  }

  tell(keys: readonly string[]): void {
    for (const under of [...this.#waits.keys()])
      if (keys.some((key) => key.startsWith(under))) this.#resolve(under);
  }

  end(): void {
    this.#ended = true;
    for (const under of [...this.#waits.keys()]) this.#resolve(under);
  }

  #resolve(under: string): void {
    const waiting = this.#waits.get(under) ?? [];
    this.#waits.delete(under);
    for (const resolve of waiting) resolve();
  }
}
