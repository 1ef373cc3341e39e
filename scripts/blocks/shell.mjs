// One shell for all the commands of a process. Node forks to start one, and a fork copies the page
// tables of every image that the process holds: that costs more than the mount.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

export class Shell {
  #child = spawn('/bin/sh', { stdio: ['pipe', 'pipe', 'inherit'] });
  #lines = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]();

  /** Runs one command; its arguments hold no quote. Returns what it printed. @throws {Error} */
  async run(...command) {
    const quoted = command.map((word) => `'${word}'`).join(' ');
    this.#child.stdin.write(`${quoted} 2>&1; echo "=$?"\n`);
    const said = [];
    for (;;) {
      const { value: line, done } = await this.#lines.next();
      if (done) throw new Error(`the shell ended in ${quoted}`);
      if (line === '=0') return said.join('\n');
      if (/^=\d+$/.test(line)) throw new Error(said.join('\n'));
      said.push(line);
    }
  }

  async end() {
    const ended = once(this.#child, 'exit');
    this.#child.stdin.end();
    await ended;
  }
}
