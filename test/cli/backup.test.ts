// `strongroom backup` as a user runs it: once, again, and to a place that is none.
import { spawnSync } from 'node:child_process';
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

test('a shell sends it as an archive, and reads the report on stderr', async (t) => {
  const folder = await temporaryFolder(t);
  const [path, archive, restored] = ['data', 'a.tar', 'restored'].map((name) => join(folder, name));
  const store = await open(path as string, { zones: 3 });
  await store.bucket('docs').put('note', 'text');
  await store.close();
  await mkdir(restored as string);
  const line = '"$1" "$2" backup "$3" - --spool "$4" > "$5" && tar -xf "$5" -C "$6"';
  const given = [process.execPath, builtCommand, path, join(folder, 'spool'), archive, restored];
  const shell = spawnSync('/bin/sh', ['-c', line, 'sh', ...(given as string[])], {
    encoding: 'utf8',
  });
  const { status, stderr, stdout } = shell;
  t.is(status, 0, stderr);
  t.is(stdout, '');
  t.regex(stderr, /^sequence: \d+\nbytes: \d+ \(.*\)$/m);
  const rootKey = { file: join(folder, 'data.rootkey') };
  await using copy = await open(restored as string, { zones: 1, rootKey });
  t.is(await (await copy.bucket('docs').get('note'))?.text(), 'text');
});
