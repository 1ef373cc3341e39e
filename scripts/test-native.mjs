// Builds and runs the C++ tests; everything after the flavour goes to strongroom_test.
//   node scripts/test-native.mjs [plain|asan|tsan] [--seed N] [FILTER...]
// The plain ones are linked by binding.gyp to the objects of the shipped addon; under a sanitizer
// everything is compiled anew, by CMake and with LevelDB's own assertions, and the sanitizer must
// first report mistakes that are planted.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { arePlantedReported, planterOf } from './planted.mjs';
import { buildSanitized, flavours } from './sanitized.mjs';
import { cleanEnvironment } from './tool.mjs';

process.chdir(fileURLToPath(new URL('..', import.meta.url)));
const [name = 'plain', ...testArguments] = process.argv.slice(2);
const flavour = flavours[name];
if (name !== 'plain' && flavour === undefined) {
  console.error('usage: node scripts/test-native.mjs [plain|asan|tsan] [--seed N] [FILTER...]');
  process.exit(2);
}

function buildPlain() {
  const { status } = spawnSync(process.execPath, ['scripts/addon.mjs', '--tests'], {
    stdio: ['ignore', 2, 2],
  });
  return status ?? 1;
}

function isFitToJudge({ out, mistakes, options }) {
  return arePlantedReported(mistakes, planterOf(join(out, 'strongroom_planted'), options));
}

const built = flavour ? buildSanitized(flavour) : buildPlain();
if (built !== 0) process.exit(built);
if (flavour && !isFitToJudge(flavour)) process.exit(1);
const run = spawnSync(join(flavour?.out ?? 'build/Release', 'strongroom_test'), testArguments, {
  stdio: 'inherit',
  env: cleanEnvironment(flavour?.options),
});
if (run.signal) console.error(`strongroom_test was ended by ${run.signal}`);
process.exit(run.status ?? 1);
