// A process that brought its root key as bytes and closed its store holds the key nowhere.
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import test from 'ava';
import { builtIndex } from '../support/built-package.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

/** What is looked for is kept in a disguise: the looking must not be what is found. */
const program = (path: string): string => `
import { closeSync, openSync, readFileSync, readSync } from 'node:fs';
import { open } from ${JSON.stringify(builtIndex)};

const mask = 0x5a;
function timesFound(masked) {
  const memory = openSync('/proc/self/mem', 'r');
  const window = Buffer.alloc(1 << 20);
  const start = masked.subarray(0, 4).map((byte) => byte ^ mask); // Too little to be the key.
  let found = 0;
  for (const line of readFileSync('/proc/self/maps', 'utf8').split('\\n')) {
    const [, from, to] = /^(\\w+)-(\\w+) .w/.exec(line) ?? [];
    if (from === undefined) continue;
    for (let at = parseInt(from, 16); at < parseInt(to, 16); at += window.length - 64) {
      let size = 0;
      try {
        size = readSync(memory, window, 0, Math.min(window.length, parseInt(to, 16) - at), at);
      } catch {}
      const read = window.subarray(0, size);
      for (let i = read.indexOf(start); i >= 0; i = read.indexOf(start, i + 1))
        if (masked.every((byte, j) => (read[i + j] ^ mask) === byte)) found++;
    }
    window.fill(0);
  }
  closeSync(memory);
  return found;
}

// In memory of its own: an array of so few bytes else lies in V8's heap, which moves and copies it.
const rootKey = crypto.getRandomValues(new Uint8Array(new ArrayBuffer(32)));
const masked = rootKey.map((byte) => byte ^ mask);
const store = await open(${JSON.stringify(path)}, { zones: 3, rootKey });
for (let i = 0; i < 50; i++) await store.bucket('docs').put('key' + i, new Uint8Array(100));
await (await store.bucket('docs').get('key7')).bytes();
await store.close();
globalThis.gc();
const left = timesFound(masked);
const planted = masked.map((byte) => byte ^ mask);
const seen = timesFound(masked);
console.log(JSON.stringify({ left, seen: seen > 0, planted: planted.length }));
`;

test('a root key that came as bytes is nowhere after the close', async (t) => {
  const path = join(await temporaryFolder(t), 'data');
  const output = await new Promise<string>((resolve, reject) => {
    const args = ['--expose-gc', '--input-type=module', '--eval', program(path)];
    execFile(process.execPath, args, (error, stdout, stderr) =>
      error ? reject(new Error(stderr)) : resolve(stdout),
    );
  });
  t.deepEqual(JSON.parse(output), { left: 0, seen: true, planted: 32 });
});
