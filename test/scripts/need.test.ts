// A machine that lacks something is told its name before anything is compiled.
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test from 'ava';

const need = fileURLToPath(new URL('../../scripts/need.mjs', import.meta.url));
const present = ['cc', 'g++', 'make', 'python3', 'cmake'];

/** Runs need.mjs on a machine that has just these programs, each a shell script. */
function machineWith(programs: Record<string, string>, purpose: string, variables = {}) {
  const path = mkdtempSync(join(tmpdir(), 'need-'));
  for (const [name, script] of Object.entries(programs)) {
    writeFileSync(join(path, name), `#!/bin/sh\n${script}\n`);
    chmodSync(join(path, name), 0o755);
  }
  const env = { PATH: path, ...variables };
  const run = spawnSync(process.execPath, [need, purpose], { env, encoding: 'utf8' });
  rmSync(path, { recursive: true });
  return run;
}
const all = {
  ...Object.fromEntries(present.map((name) => [name, 'exit 0'])),
  cmake: 'echo cmake version 3.19.0',
};

test('says nothing where nothing is missing', (t) => {
  const { status, stderr } = machineWith(all, 'test');
  t.is(stderr, '');
  t.is(status, 0);
});

test('names everything that is missing, with one line to install it', (t) => {
  const { status, stderr } = machineWith({}, 'test:asan');
  t.is(status, 1);
  for (const name of present) t.true(stderr.includes(`\`${name}\` was not found`), name);
  t.true(stderr.trimEnd().endsWith('apt install g++ make python3 cmake'));
});

test('only the sanitizers ask for cmake', (t) => {
  const { cmake: _, ...rest } = all;
  for (const purpose of ['demo', 'pack', 'test', 'test:matrix'])
    t.is(machineWith(rest, purpose).status, 0, purpose);
  t.is(machineWith(rest, 'test:tsan').status, 1);
});

test('a compiler behind a wrapper is found', (t) => {
  const wrapped = { ...all, ccache: 'exec "$@"' };
  const { status, stderr } = machineWith(wrapped, 'test', { CC: 'ccache cc', CXX: 'ccache g++' });
  t.is(status, 0, stderr);
});

for (const [name, script] of [
  ['g++', 'exit 1'],
  ['cmake', 'echo cmake version 3.18.9'],
  ['python3', 'exit 1'],
] as const) {
  test(`names ${name} when it is there but too old`, (t) => {
    const { status, stderr } = machineWith({ ...all, [name]: script }, 'test:asan');
    t.is(status, 1);
    t.true(stderr.includes(`\`${name}\` is there, but`), stderr);
  });
}

test('refuses a purpose that it does not know', (t) => {
  t.is(machineWith(all, 'everything').status, 2);
});
