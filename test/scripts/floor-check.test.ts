// A stand-in for readelf prints the symbols, so that each case is the same on every machine.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test from 'ava';

const script = fileURLToPath(new URL('../../scripts/floor-check.mjs', import.meta.url));

function judge(symbols: string[]) {
  const folder = mkdtempSync(join(tmpdir(), 'strongroom-floor-'));
  try {
    const lines = symbols.map((symbol, i) => `    ${i}: 0 0 FUNC GLOBAL DEFAULT ${symbol}`);
    const body = `#!/bin/sh\ncat <<'END'\n${lines.join('\n')}\nEND\n`;
    writeFileSync(join(folder, 'readelf'), body, { mode: 0o755 });
    const env = { ...process.env, PATH: `${folder}:${process.env.PATH}` };
    const { status, stderr } = spawnSync(process.execPath, [script, 'addon.node'], {
      encoding: 'utf8',
      env,
    });
    return { status, stderr };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

test('symbols of the floor and below pass', (t) => {
  const { status, stderr } = judge([
    'UND statx@GLIBC_2.28 (4)',
    'UND memcpy@GLIBC_2.14 (2)',
    'UND _ZNSt6thread15_M_start_threadESt10unique_ptr@GLIBCXX_3.4.25 (5)',
    'UND __gxx_personality_v0@CXXABI_1.3.11 (6)',
    'UND napi_create_function',
    '12 own_symbol@@GLIBC_2.99',
  ]);
  t.deepEqual({ status, stderr }, { status: 0, stderr: '' });
});

for (const symbol of [
  'pthread_create@GLIBC_2.34',
  'fstat@GLIBC_2.33',
  'f@GLIBC_3.0',
  '_ZSt28__throw_bad_array_new_lengthv@GLIBCXX_3.4.29',
  'f@GLIBCXX_3.5',
  'f@CXXABI_1.3.13',
]) {
  test(`${symbol} is above the floor and named`, (t) => {
    const { status, stderr } = judge(['UND free@GLIBC_2.2.5 (2)', `UND ${symbol} (3)`]);
    t.is(status, 1);
    t.true(stderr.includes(`addon.node: ${symbol} is above the floor`));
    t.false(stderr.includes('free'));
  });
}

test('a file that is no addon is an error', (t) => {
  const file = fileURLToPath(import.meta.url);
  const { status, stderr } = spawnSync(process.execPath, [script, `${file}.none`], {
    encoding: 'utf8',
  });
  t.is(status, 1);
  t.regex(stderr, /cannot read it/);
});
