// Builds the shipped addon with node-gyp when a native input is newer than the last build.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

const addon = 'build/Release/strongroom.node';
function newest(path) {
  const stat = statSync(path);
  if (!stat.isDirectory()) return /_(test|fuzz|bench)\.cc$/.test(path) ? 0 : stat.mtimeMs;
  return Math.max(0, ...readdirSync(path).map((name) => newest(join(path, name))));
}
const inputs = ['native', 'binding.gyp', 'package.json', 'out/vendor/leveldb'];
if (existsSync(addon) && statSync(addon).mtimeMs > Math.max(...inputs.map(newest))) process.exit(0);

const require = createRequire(import.meta.url);
const headers = spawnSync(process.execPath, ['scripts/headers.mjs'], { encoding: 'utf8' });
const gyp = join(dirname(require.resolve('node-gyp/package.json')), 'bin/node-gyp.js');
// 'rebuild' only when nothing is configured yet or the configuration inputs changed: an incremental
// 'build' compiles just what changed.
const makefile = 'build/Makefile';
const configured =
  existsSync(makefile) &&
  statSync(makefile).mtimeMs > Math.max(statSync('binding.gyp').mtimeMs, statSync('native/sources.gypi').mtimeMs);
const steps = configured ? ['build'] : ['configure', 'build'];
const result = spawnSync(
  process.execPath,
  [gyp, ...steps, `--nodedir=${headers.stdout.trim()}`, '-j', 'max', '--loglevel=warn'],
  { stdio: ['ignore', 2, 2] },
);
process.exit(result.status ?? 1);
