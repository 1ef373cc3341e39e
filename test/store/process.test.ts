// The process around a store: it ends when its work does, whoever forgets to close, and whatever
// it was told is stored is there afterwards.
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test, { type ExecutionContext } from 'ava';
import { open } from '../../lib/index.ts';
import { builtIndex } from '../support/built-package.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

interface Ended {
  readonly code: number | null;
  readonly signal: string | null;
  readonly stdout: string;
  readonly path: string;
}

/** Runs a program that has a store open; it says a number of objects that are stored. */
async function ended(t: ExecutionContext, body: string): Promise<Ended> {
  const path = join(await temporaryFolder(t), 'data');
  const program = `
    import { open } from ${JSON.stringify(builtIndex)};
    const store = await open(${JSON.stringify(path)}, { zones: 3 });
    const bucket = store.bucket('docs');
    await bucket.put('large', new Uint8Array(4 << 20));
    ${body}`;
  const args = ['--input-type=module', '--eval', program];
  const cwd = fileURLToPath(new URL('../..', import.meta.url));
  return new Promise((resolve) => {
    const child = execFile(process.execPath, args, { cwd }, (_, stdout) => {
      resolve({ code: child.exitCode, signal: child.signalCode, stdout, path });
    });
  });
}

test.serial('a process that never closes its store still ends', async (t) => {
  const { code, stdout } = await ended(
    t,
    `const half = (await bucket.get('large')).stream().getReader();
    await half.read();
    await bucket.get('large');
    bucket.put('later', new Uint8Array(4 << 20)).then(() => console.log('stored'));`,
  );
  t.is(code, 0);
  t.is(stdout, 'stored\n'); // What is in flight keeps the process, what is merely open does not.
});

for (const [how, end, code] of [
  ['exits', 'process.exit(3);', 3],
  ['throws', "throw new Error('boom');", 1],
  ['is killed', "process.kill(process.pid, 'SIGKILL'); await new Promise(() => {});", null],
] as const)
  test.serial(`what was acknowledged is there after a process ${how} amid its work`, async (t) => {
    const result = await ended(
      t,
      `import { writeSync } from 'node:fs';
      const put = (i, size) => bucket.put('key-' + i, new Uint8Array(size))
        .then(() => writeSync(1, i + '\\n'));
      const puts = [];
      for (let i = 0; i < 200; i++) puts.push(put(i, i % 10 === 0 ? 1 << 20 : 1000));
      bucket.list().toArray();
      (await bucket.get('large')).bytes();
      await Promise.any(puts.slice(20));
      ${end}`,
    );
    t.is(result.code, code);
    if (code === null) t.is(result.signal, 'SIGKILL');
    const acknowledged = result.stdout.split('\n').filter((line) => line !== '');
    t.true(acknowledged.length > 0);
    const store = await open(result.path, { zones: 3 });
    t.teardown(() => store.close());
    for (const i of acknowledged)
      t.is(
        (await store.bucket('docs').get(`key-${i}`))?.size,
        Number(i) % 10 === 0 ? 1 << 20 : 1000,
      );
    for await (const { key, size } of store.bucket('docs').list())
      t.is((await (await store.bucket('docs').get(key))?.bytes())?.length, size);
  });
