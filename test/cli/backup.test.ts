// `strongroom backup` as a user runs it: once, again, and to a place that is none.
import { randomBytes } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { open } from '../../lib/index.ts';
import { builtCommand } from '../support/built-package.ts';
import { runProgram } from '../support/run-program.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

test('a store goes to a directory, and what came since after it', async (t) => {
  const folder = await temporaryFolder(t);
  const [path, backup] = [join(folder, 'data'), join(folder, 'backup')];
  const large = randomBytes(400_000);
  const store = await open(path, { zones: 3 });
  await store.bucket('docs').put('large', large);
  await store.close();
  const first = await runProgram(builtCommand, ['backup', path, backup, '--json']);
  t.is(first.code, 0, first.stderr);
  const report = JSON.parse(first.stdout);
  t.true(report.bytes > large.length);
  t.regex(report.sequence, /^\d+$/);
  const second = await runProgram(builtCommand, ['backup', path, backup]);
  t.is(second.code, 0, second.stderr);
  t.regex(second.stdout, /^sequence: \d+\nbytes: \d+ \(.*\)$/m);

  const rootKey = join(folder, 'data.rootkey');
  const seen = await runProgram(builtCommand, ['verify', backup, '--deep', '--root-key', rootKey]);
  t.is(seen.code, 0, seen.stderr);
  await using copy = await open(backup, { zones: 1, rootKey: { file: rootKey } });
  const object = await copy.bucket('docs').get('large');
  t.deepEqual(Buffer.from((await object?.bytes()) ?? []), large);
});

test('a directory that holds something else is refused', async (t) => {
  const folder = await temporaryFolder(t);
  const [path, full] = [join(folder, 'data'), join(folder, 'full')];
  await (await open(path, { zones: 1 })).close();
  await mkdir(full);
  await writeFile(join(full, 'letter.txt'), 'mine');
  const { code, stderr } = await runProgram(builtCommand, ['backup', path, full]);
  t.is(code, 1);
  t.regex(stderr, /^strongroom: .*not empty and holds no backup/m);
});
