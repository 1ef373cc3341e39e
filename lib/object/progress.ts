// Progress of a body: bytes, reported at most ten times a second and once at the end.
import { callBack, type Events } from '../context/events.ts';

export interface Progress {
  /** Bytes so far. */
  loaded: number;
  /** Bytes in all, if known. */
  total?: number;
  /** 0 to 100, if the total is known. */
  percent?: number;
  bytesPerSecond: number;
}

const pauseMs = 100;

export class ProgressMeter {
  readonly #report: (progress: Progress) => void;
  readonly #events: Events;
  readonly #total: number | undefined;
  readonly #started = performance.now();
  #reported = this.#started;
  #loaded = 0;
  #ended = false;

  constructor(report: (progress: Progress) => void, total: number | undefined, events: Events) {
    this.#report = report;
    this.#total = total;
    this.#events = events;
  }

  add(bytes: number): void {
    this.#loaded += bytes;
    const now = performance.now();
    if (now - this.#reported < pauseMs || this.#ended) return;
    this.#reported = now;
    this.#tell(now);
  }

  /** The one last report. */
  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#tell(performance.now());
  }

  #tell(now: number): void {
    const loaded = this.#loaded;
    const seconds = Math.max(now - this.#started, 0.001) / 1000;
    const progress: Progress = { loaded, bytesPerSecond: Math.round(loaded / seconds) };
    if (this.#total !== undefined) {
      progress.total = this.#total;
      progress.percent = this.#total === 0 ? 100 : (100 * loaded) / this.#total;
    }
    callBack(
      () => this.#report(progress),
      (error) => this.#events.callbackFailed('onProgress', error),
    );
  }
}
