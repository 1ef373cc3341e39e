// A progress bar on a terminal, in some sixty lines: bytes, rate and time left on one line that is
// drawn over at most ten times a second. On anything but a terminal it draws nothing.

const frameMs = 100;
const cells = 24;

/** What the bar writes to: process.stderr, or a test's recorder. */
export interface Terminal {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

export class ProgressBar {
  readonly #terminal: Terminal;
  readonly #label: string;
  readonly #total: number;
  readonly #now: () => number;
  readonly #started: number;
  #done = 0;
  #drawn = Number.NEGATIVE_INFINITY;

  /** `total` bytes are expected; `now` gives milliseconds. */
  constructor(terminal: Terminal, label: string, total: number, now: () => number) {
    this.#terminal = terminal;
    this.#label = label;
    this.#total = total;
    this.#now = now;
    this.#started = now();
  }

  add(bytes: number): void {
    this.#done += bytes;
    if (!this.#terminal.isTTY || this.#now() - this.#drawn < frameMs) return;
    this.#drawn = this.#now();
    this.#terminal.write(`\r${this.#line()}`);
  }

  /** Takes the bar off the line. */
  finish(): void {
    if (this.#terminal.isTTY) this.#terminal.write('\r\u001b[K');
  }

  #line(): string {
    const part = this.#total === 0 ? 1 : Math.min(1, this.#done / this.#total);
    const seconds = Math.max(0.001, (this.#now() - this.#started) / 1000);
    const rate = this.#done / seconds;
    const left =
      rate === 0 ? '' : `, ${Math.max(0, Math.ceil((this.#total - this.#done) / rate))} s left`;
    const bar = '#'.repeat(Math.round(part * cells)).padEnd(cells, '.');
    const percent = String(Math.floor(part * 100)).padStart(3);
    const line = `${this.#label} [${bar}] ${percent} % ${sizeText(rate)}/s${left}`;
    // Erasing to the end of the line takes away what a longer line left there.
    return `${line.slice(0, (this.#terminal.columns ?? 80) - 1)}\u001b[K`;
  }
}

/** 1536 gives "1.5 KiB". */
export function sizeText(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let power = 0;
  let size = bytes;
  while (size >= 1024 && power < units.length - 1) {
    size /= 1024;
    power++;
  }
  return `${power === 0 ? Math.round(size) : size.toFixed(1)} ${units[power]}`;
}
