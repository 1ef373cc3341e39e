// What the shipped addon must be, whatever compiled it: two exported names, no symbol newer than
// the oldest system we name, no wide instructions in code that every CPU runs.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import test from 'ava';

const root = fileURLToPath(new URL('..', import.meta.url));
const addon = `${root}build/Release/strongroom.node`;
const linux = process.platform === 'linux' && existsSync(addon) ? test : test.skip; // ELF only.

function output(command: string, ...args: string[]): string {
  const { status, stdout, stderr, error } = spawnSync(command, args, {
    encoding: 'utf8',
    cwd: root,
    maxBuffer: 1 << 26,
  });
  if (error || status !== 0) throw error ?? new Error(stderr);
  return stdout;
}

linux('the addon exports the two names that Node looks for, and nothing else', (t) => {
  const names = output('nm', '-D', '--defined-only', addon).trim().split('\n');
  t.deepEqual(
    names.map((line) => line.split(' ').at(-1)).sort(),
    ['node_api_module_get_api_version_v1', 'napi_register_module_v1'].sort(),
  );
});

linux('the addon needs nothing newer than glibc 2.28 and GLIBCXX 3.4.25', (t) => {
  const needed = output('objdump', '-T', addon).matchAll(/\((GLIBC|GLIBCXX)_(\d+(?:\.\d+)*)\)/g);
  const tooNew = [...needed]
    .filter(([, library, version]) => newer(version ?? '', library === 'GLIBC' ? '2.28' : '3.4.25'))
    .map(([text]) => text);
  t.deepEqual([...new Set(tooNew)], []);
});

// The story: a worker loads the addon, a disk dies under one of its threads, the worker ends. The
// thread must not come back into memory that was unmapped.
linux('the addon stays mapped when the worker that loaded it has ended', (t) => {
  const program = `
    const { readFileSync } = require('node:fs');
    const { Worker } = require('node:worker_threads');
    const mapped = () => readFileSync('/proc/self/maps', 'utf8').includes('strongroom.node');
    const worker = new Worker('require(process.argv[2])', { eval: true, argv: [process.argv[1]] });
    worker.on('exit', (code) => console.log(code, mapped()));
    console.log(mapped());`;
  t.is(output(process.execPath, '-e', program, addon), 'false\n0 true\n');
});

linux('files of one instruction set define nothing that the linker shares', (t) => {
  const { variables } = JSON.parse(readFileSync(`${root}native/sources.gypi`, 'utf8')) as {
    variables: Record<string, string[]>;
  };
  const wide = Object.entries(variables)
    .filter(([name]) => /_(ssse3|avx2|gfni256|avx512|neon)_sources$/.test(name))
    .flatMap(([, files]) => files.map((file) => basename(file).replace(/\.cc$/, '.o')));
  const objects = readdirSync(`${root}build/Release/obj.target`, {
    recursive: true,
    encoding: 'utf8',
  }).filter((path) => wide.includes(basename(path)));
  for (const path of objects) {
    const shared = output('nm', `build/Release/obj.target/${path}`).match(/^\S* [WVu] .*$/gm);
    t.is(shared, null, path);
  }
  t.true(process.arch !== 'x64' || objects.length >= Math.min(wide.length, 1));
});

function newer(a: string, b: string): boolean {
  const [x, y] = [a, b].map((version) => version.split('.').map(Number));
  for (let i = 0; i < 3; i++) {
    const [m, n] = [x?.[i] ?? 0, y?.[i] ?? 0];
    if (m !== n) return m > n;
  }
  return false;
}
