// Builds and runs the C++ tests; everything after the flavour goes to strongroom_test.
//   node scripts/test-native.mjs [plain|asan|tsan] [--seed N] [FILTER...]
// The plain ones are linked by binding.gyp to the objects of the shipped addon; under a sanitizer
// everything is compiled anew, by CMake and with LevelDB's own assertions.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cleanEnvironment, runTool } from './tool.mjs';

process.chdir(fileURLToPath(new URL('..', import.meta.url)));
const flavours = {
  plain: { out: 'build/Release' },
  asan: { out: 'out/asan', sanitizers: 'address;undefined' },
  tsan: { out: 'out/tsan', sanitizers: 'thread' },
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

function buildPlain() {
  const { status } = spawnSync(process.execPath, ['scripts/addon.mjs', '--tests'], {
    stdio: [0, 2, 2],
  });
  return status ?? 1;
}

function buildSanitized({ out, sanitizers }) {
  dropUnusable(out);
  const define = ['--CDSTRONGROOM_TESTS=ON', `--CDSTRONGROOM_SAN=${sanitizers}`];
  // make, unlike ninja, builds one file at a time unless told otherwise.
  const jobs = { CMAKE_BUILD_PARALLEL_LEVEL: String(availableParallelism()) };
  const args = ['build', '-O', out, '-B', 'Debug', '-l', 'warn', ...define];
  return runTool('cmake-js', 'bin/cmake-js', args, jobs);
}

const built = flavour.sanitizers ? buildSanitized(flavour) : buildPlain();
if (built !== 0) process.exit(built);
const run = spawnSync(join(flavour.out, 'strongroom_test'), testArguments, {
  stdio: 'inherit',
  env: cleanEnvironment({ UBSAN_OPTIONS: 'halt_on_error=1:print_stacktrace=1' }),
});
if (run.signal) console.error(`strongroom_test was ended by ${run.signal}`);
process.exit(run.status ?? 1);
