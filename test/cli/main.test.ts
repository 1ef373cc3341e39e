// The command as a user runs it: exit codes, what goes to stdout, and the demo on a small tree.
import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { open } from '../../lib/index.ts';
import { builtCommand } from '../support/built-package.ts';
import { runProgram } from '../support/run-program.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const main = builtCommand;

test('--help and --version are data, and no error', async (t) => {
  const help = await runProgram(main, ['--help']);
  t.is(help.code, 0);
  t.regex(help.stdout, /^ {2}demo /m);
  const version = await runProgram(main, ['--version']);
  t.regex(version.stdout, /^\d+\.\d+\.\d+\n$/);
  t.is(version.stderr, '');
});

test('what cannot be understood is usage: 2, and said on stderr', async (t) => {
  for (const args of [['nonsense'], ['demo', '--nonsense'], ['demo', 'a', 'b']]) {
    const { code, stdout, stderr } = await runProgram(main, args);
    t.is(code, 2, args.join(' '));
    t.is(stdout, '');
    t.regex(stderr, /^error: /);
  }
});

test('a directory that is not there is 3, one without files is 1', async (t) => {
  const empty = mkdtempSync(join(tmpdir(), 'strongroom-empty-'));
  const missing = await runProgram(main, ['demo', join(empty, 'missing')]);
  t.is(missing.code, 3);
  t.regex(missing.stderr, /^strongroom: ENOENT: /);
  t.is((await runProgram(main, ['demo', empty])).code, 1);
  rmSync(empty, { recursive: true });
});

test('the demo reads every byte back without a zone, and leaves nothing behind', async (t) => {
  const place = mkdtempSync(join(tmpdir(), 'strongroom-place-'));
  try {
    const tree = join(place, 'tree');
    const seeded = ['40', 'demo', tree, `${2 << 20}`];
    t.is((await runProgram(`${root}scripts/seed-tree.mjs`, seeded)).code, 0);
    const zones = join(place, 'zones');
    const { code, stdout, stderr } = await runProgram(main, ['demo', tree, '--place', zones]);
    t.is(code, 0, stderr + stdout);
    const lines = stdout.trimEnd().split('\n');
    t.regex(lines.at(-2) ?? '', /^degraded reads: [1-9]\d*$/);
    t.is(lines.at(-1), 'mismatches: 0');
    t.regex(stdout, /^files +40$/m);
    t.deepEqual(readdirSync(zones), []);
  } finally {
    rmSync(place, { recursive: true });
  }
});

test('an interrupted demo leaves nothing behind', async (t) => {
  const place = mkdtempSync(join(tmpdir(), 'strongroom-place-'));
  const args = [main, 'demo', `${root}node_modules`, '--place', place];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'pipe'] });
  // It says how many files there are before it makes its place; a moment later it is storing them.
  await new Promise((resolve) => child.stderr.once('data', resolve));
  while (readdirSync(place).length === 0) await new Promise((resolve) => setTimeout(resolve, 10));
  child.kill('SIGINT');
  const end = await new Promise((resolve) => child.on('exit', (...how) => resolve(how)));
  t.deepEqual(end, [130, null]);
  t.deepEqual(readdirSync(place), []);
  rmSync(place, { recursive: true });
});

test('rescue writes the objects of two zones of three as files', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'strongroom-rescue-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const store = await open(join(folder, 'data'), { zones: 3 });
  await store.bucket('docs').put('a/hello.txt', 'hi');
  await store.bucket('docs').put('large', Buffer.alloc(600_000, 7));
  await store.close();
  const [first, second, third] = [1, 2, 3].map((zone) => join(folder, 'data', `zone-${zone}`));
  const out = join(folder, 'out');
  const saved = await runProgram(main, ['rescue', first as string, third as string, '--out', out]);
  t.is(saved.code, 0, saved.stderr);
  t.is(
    saved.stdout,
    'objects: 2\nbytes: 600002 (585.9 KiB)\ndamaged: 0\n' +
      'lost: 0 holes in the log, 0 rows\nforked: 0\n',
  );
  t.is(readFileSync(join(out, 'docs/a/hello.txt'), 'utf8'), 'hi');

  const again = await runProgram(main, ['rescue', second as string, '--out', out]);
  t.is(again.code, 1);
  t.regex(again.stderr, /InvalidArgument: .* is not empty/);
  const alone = ['rescue', second as string, '--json', '--out', join(folder, 'alone')];
  const damaged = await runProgram(main, alone);
  t.is(damaged.code, 5);
  t.like(JSON.parse(damaged.stdout), {
    objects: 2,
    damaged: [{ key: 'large' }],
    losses: { holes: [] },
  });
  const keyless = await runProgram(main, ['rescue', folder, '--out', join(folder, 'none')]);
  t.is(keyless.code, 2);
  t.regex(keyless.stderr, /--root-key/);
});
