// Builds and runs the C++ tests; everything after the flavour goes to strongroom_test.
//   node scripts/test-native.mjs [plain|asan|tsan] [--seed N] [FILTER...]
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cleanEnvironment, runTool } from './tool.mjs';

process.chdir(fileURLToPath(new URL('..', import.meta.url)));
const flavours = {
  plain: { out: 'out/test', type: 'Release' },
  asan: { out: 'out/asan', type: 'Debug', sanitizers: 'address;undefined' },
  tsan: { out: 'out/tsan', type: 'Debug', sanitizers: 'thread' },
};
const named = Object.hasOwn(flavours, process.argv[2] ?? '');
const flavour = flavours[named ? process.argv[2] : 'plain'];
const testArguments = process.argv.slice(named ? 3 : 2);

/** A half-made or moved build directory makes CMake fail for good: such a one is made anew. */
function dropUnusable(out) {
  const cache = join(out, 'CMakeCache.txt');
  if (!existsSync(cache)) return;
  const home = /^CMAKE_HOME_DIRECTORY:INTERNAL=(.*)$/m.exec(readFileSync(cache, 'utf8'))?.[1];
  const generated = ['build.ninja', 'Makefile'].some((name) => existsSync(join(out, name)));
  if (!generated || home !== resolve('.')) rmSync(out, { recursive: true, force: true });
}

dropUnusable(flavour.out);
const built = runTool(
  'cmake-js',
  'bin/cmake-js',
  [
    'build',
    ...['-O', flavour.out, '-B', flavour.type, '-l', 'warn', '--CDSTRONGROOM_TESTS=ON'],
    ...(flavour.sanitizers ? [`--CDSTRONGROOM_SAN=${flavour.sanitizers}`] : []),
  ],
  // make, unlike ninja, builds one file at a time unless told otherwise.
  { CMAKE_BUILD_PARALLEL_LEVEL: String(availableParallelism()) },
);
if (built !== 0) process.exit(built);
const run = spawnSync(join(flavour.out, 'strongroom_test'), testArguments, {
  stdio: 'inherit',
  env: cleanEnvironment({ UBSAN_OPTIONS: 'halt_on_error=1:print_stacktrace=1' }),
});
if (run.signal) console.error(`strongroom_test was ended by ${run.signal}`);
process.exit(run.status ?? 1);
