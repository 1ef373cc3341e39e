// `npm run test:napi`: the tests of test/binding in full: a thousand workers terminated and two
// hundred processes ended amid their work, not the slices of `npm test`.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { cleanEnvironment } from './tool.mjs';

process.chdir(fileURLToPath(new URL('..', import.meta.url)));
const { status } = spawnSync(
  process.execPath,
  [
    'node_modules/ava/entrypoints/cli.mjs',
    '--timeout=60m',
    'test/binding',
    ...process.argv.slice(2),
  ],
  { stdio: 'inherit', env: cleanEnvironment({ STRONGROOM_ABUSE: 'full' }) },
);
process.exit(status ?? 1);
