// The command as a user runs it: exit codes, what goes to stdout, and the demo on a small tree.
import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test from 'ava';
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
