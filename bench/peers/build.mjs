// Builds the peer that comes without a binary, since npm runs no install script here.
//   node bench/peers/build.mjs
import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cleanEnvironment } from '../../scripts/tool.mjs';

const require = createRequire(import.meta.url);
const gyp = join(dirname(require.resolve('node-gyp/package.json')), 'bin/node-gyp.js');
const cwd = fileURLToPath(new URL('node_modules/@ronomon/reed-solomon', import.meta.url));
const headers = fileURLToPath(new URL('../../out/vendor/node', import.meta.url));
const args = [gyp, 'rebuild', `--nodedir=${headers}`, '--loglevel=warn'];
const { status, error } = spawnSync(process.execPath, args, {
  cwd,
  stdio: ['ignore', 2, 2],
  // It refuses to run without its assertions.
  env: cleanEnvironment({ CFLAGS: '-UNDEBUG' }),
});
if (error) console.error(error.message);
process.exit(status ?? 1);
