// The builds under a sanitizer: where they lie, what they are told, what they must find.
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join, resolve } from 'node:path';
import { runTool } from './tool.mjs';

export const flavours = {
  asan: {
    out: 'out/asan',
    sanitizers: 'address;undefined',
    mistakes: ['overflow', 'undefined', 'leak'],
    options: { UBSAN_OPTIONS: 'halt_on_error=1:print_stacktrace=1' },
  },
  tsan: {
    out: 'out/tsan',
    sanitizers: 'thread',
    mistakes: ['race'],
    options: { TSAN_OPTIONS: 'second_deadlock_stack=1' },
  },
};

/** A half-made or moved build directory makes CMake fail for good: such a one is made anew. */
function dropUnusable(out) {
  const cache = join(out, 'CMakeCache.txt');
  if (!existsSync(cache)) return;
  const home = /^CMAKE_HOME_DIRECTORY:INTERNAL=(.*)$/m.exec(readFileSync(cache, 'utf8'))?.[1];
  const generated = ['build.ninja', 'Makefile'].some((name) => existsSync(join(out, name)));
  if (!generated || home !== resolve('.')) rmSync(out, { recursive: true, force: true });
}

/** @returns the exit code of the build */
export function buildSanitized({ out, sanitizers }) {
  dropUnusable(out);
  const define = ['--CDSTRONGROOM_TESTS=ON', `--CDSTRONGROOM_SAN=${sanitizers}`];
  // make, unlike ninja, builds one file at a time unless told otherwise.
  const jobs = { CMAKE_BUILD_PARALLEL_LEVEL: String(availableParallelism()) };
  const args = ['build', '-O', out, '-B', 'Debug', '-l', 'warn', ...define];
  return runTool('cmake-js', 'bin/cmake-js', args, jobs);
}
