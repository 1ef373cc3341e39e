// A process that holds the store open (child.mjs), as whoever may kill it sees it.
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const program = fileURLToPath(new URL('child.mjs', import.meta.url));
/** Without an answer for so long, though some are due, it hangs. */
const patienceMs = 120_000;
/** Whatever takes longer is told. */
const slowMs = 5000;

export class Mortal {
  #child;
  #calls = new Map();
  #ids = 0;
  #watch;
  #killed = false;
  #gone = false;
  /** Why it ended by itself; null while it lives, and when it was meant to end. */
  fault = null;
  /** Settles when it is gone and every answer that it gave has been heard. */
  ended;
  /** What the open came to. */
  opened;

  /** @param onExpelled hears the number of a zone */
  constructor(argument, onExpelled) {
    this.onExpelled = onExpelled;
    this.#child = spawn(process.execPath, [program, JSON.stringify(argument)], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    this.#child.stdin.on('error', () => {}); // It may die before it has read what it was sent.
    this.#watch = setTimeout(() => this.#hangs(), patienceMs);
    this.opened = this.#answered(0, 'open');
    this.ended = this.#hear();
  }

  /** @returns the answer, or null when it died before it gave one */
  call(step) {
    if (this.#gone) return Promise.resolve(null);
    const id = ++this.#ids;
    const answered = this.#answered(id, step.verb);
    this.#child.stdin.write(`${JSON.stringify({ id, ...step })}\n`);
    return answered;
  }

  #answered(id, verb) {
    const since = Date.now();
    return new Promise((resolve) =>
      this.#calls.set(id, (answer) => {
        const ms = Date.now() - since;
        if (ms > slowMs) console.error(`${verb} took ${ms} ms`);
        resolve(answer);
      }),
    );
  }

  kill() {
    this.#killed = true;
    this.#child.kill('SIGKILL');
  }

  async #hear() {
    const gone = new Promise((resolve) =>
      this.#child.on('exit', (code, signal) => resolve(signal ?? code)),
    );
    for await (const line of createInterface({ input: this.#child.stdout })) {
      this.#watch.refresh();
      const [id, answer] = heardIn(line);
      if (id === 'expelled') this.onExpelled(answer);
      this.#calls.get(id)?.(answer);
      this.#calls.delete(id);
    }
    const how = await gone;
    clearTimeout(this.#watch);
    if (!this.#killed && how !== 0) this.fault ??= `the process ended with ${how}`;
    for (const resolve of this.#calls.values()) resolve(null);
    this.#calls.clear();
    this.#gone = true;
  }

  #hangs() {
    this.fault = `no answer for ${patienceMs / 1000} s`;
    this.kill();
  }
}

/** Killed amid a line, which then is no JSON: nothing was told by it. */
function heardIn(line) {
  try {
    return JSON.parse(line);
  } catch {
    return [];
  }
}
