// Child processes: for what only a process of its own can show, its memory and its sudden death.
import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

export class Child {
  readonly #process: ChildProcess;
  readonly #lines: AsyncIterator<string>;
  readonly #ended: Promise<number | null>;

  /** Runs a program of bench/ as this process runs, with the same loader. */
  static start(program: URL, args: readonly string[], loader: readonly string[]): Child {
    const child = spawn(process.execPath, [...loader, fileURLToPath(program), ...args], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    return new Child(child);
  }

  private constructor(child: ChildProcess) {
    this.#process = child;
    this.#ended = new Promise((resolve, reject) => {
      child.on('error', reject);
      child.on('exit', resolve);
    });
    // Looked at when somebody waits; until then it is no unhandled rejection.
    this.#ended.catch(() => {});
    if (child.stdout === null) throw new Error('a child without stdout');
    this.#lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  }

  /** The next line, parsed. Throws when the child ends without one. */
  async next<T>(): Promise<T> {
    const { value, done } = await this.#lines.next();
    if (!done) return JSON.parse(value) as T;
    throw new Error(`a child ended early, with code ${await this.#ended}`);
  }

  /** All lines that are still to come. */
  async *rest<T>(): AsyncGenerator<T> {
    for (;;) {
      const { value, done } = await this.#lines.next();
      if (done) return;
      yield JSON.parse(value) as T;
    }
  }

  /** kill -9: no handler runs, nothing is flushed. */
  async kill(): Promise<void> {
    this.#process.kill('SIGKILL');
    await this.#ended.catch(() => {});
  }

  /** Throws unless it ends well. */
  async end(): Promise<void> {
    const code = await this.#ended;
    if (code !== 0) throw new Error(`a child ended with code ${code}`);
  }
}
