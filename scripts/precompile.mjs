// Precompiles the standard headers that most files include, per target of a test build: parsing
// them was a quarter of the whole compile. g++ takes the result only for the flags that it was made
// with, so these come from the makefiles that gyp wrote; for others it reads the headers anew. No
// file may rely on it: the sanitizer, arm64 and shipped builds go without, so each file includes
// what it uses.
import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';

const headers = [
  ...['algorithm', 'array', 'atomic', 'bit', 'chrono', 'cstdint', 'cstring', 'deque', 'functional'],
  ...['map', 'memory', 'mutex', 'optional', 'set', 'span', 'string', 'string_view', 'thread'],
  ...['unordered_map', 'unordered_set', 'utility', 'vector'],
];
const targets = ['strongroom_core', 'strongroom', 'strongroom_simulator', 'strongroom_test'];

/** Where binding.gyp includes it from, seen from the directory that make runs in. */
export const precompiledFolder = 'precompiled';

function compiler() {
  const [command, ...args] = (process.env.CXX || 'g++').split(' ');
  return { command, args };
}

/** Only g++ looks for what this makes. */
export function canPrecompile() {
  const { command, args } = compiler();
  const { stdout } = spawnSync(command, [...args, '--version']);
  return String(stdout ?? '').includes('Free Software Foundation');
}

/** The values of a variable in a makefile of gyp's. */
function listIn(makefile, name) {
  const [, text = ''] = new RegExp(`^${name} := ?((?:.*\\\\\\n)*.*)$`, 'm').exec(makefile) ?? [];
  return text
    .split(/[\s\\]+/)
    .filter(Boolean)
    .map((word) => word.replace(/^'(.*)'$/, '$1'));
}

function flagsOf(target) {
  const makefile = readFileSync(`build/${target}.target.mk`, 'utf8');
  const names = ['DEFS_Release', 'CFLAGS_Release', 'CFLAGS_CC_Release'];
  const words = names.flatMap((name) => listIn(makefile, name));
  const at = words.indexOf('-include');
  return words.toSpliced(at, at < 0 ? 0 : 2);
}

/** @throws {Error} when the compiler fails */
export async function precompile() {
  const { command, args } = compiler();
  const compile = (target) =>
    new Promise((resolve, reject) => {
      const header = `build/${precompiledFolder}/${target}.h`;
      writeFileSync(header, headers.map((name) => `#include <${name}>\n`).join(''));
      const rest = [...flagsOf(target), '-x', 'c++-header', header, '-o', `${header}.gch`];
      const child = spawn(command, [...args, ...rest], { stdio: ['ignore', 2, 2] });
      child.on('error', reject);
      child.on('close', (status) =>
        status === 0 ? resolve() : reject(new Error(`${command} cannot compile ${header}`)),
      );
    });
  mkdirSync(`build/${precompiledFolder}`, { recursive: true });
  await Promise.all(targets.map(compile));
}
