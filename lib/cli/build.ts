// `strongroom build`: compiles the addon from the sources in the package, for machines that no
// prebuild fits. Everything lies in the package but a compiler, make, Python and node-gyp, which
// comes with npm; nothing is fetched.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { load } from '../engine/load.ts';
import { exitCodes } from './exit-code.ts';

const root: string = fileURLToPath(new URL('../../', import.meta.url));

/** @returns the exit code: 0 when the addon stands and loads */
export function build(): number {
  const nodeGyp = findNodeGyp();
  if (nodeGyp === undefined) {
    say('node-gyp comes with npm, but no npm was found here');
    say('run `npm install --no-save node-gyp@12`, then `npx strongroom build` again');
    return exitCodes.error;
  }
  const { status, error } = spawnSync(process.execPath, [nodeGyp, ...gypArguments()], {
    cwd: root,
    stdio: ['ignore', 2, 2],
    env: environment(),
  });
  if (error || status !== 0) {
    say(`node-gyp ${error ? error.message : 'could not compile; its last lines say why'}`);
    say('needed are a C++20 compiler (g++ 10 or newer), make and Python 3');
    say('on Debian or Ubuntu: apt install g++ make python3');
    return exitCodes.error;
  }
  const addon = join(root, 'build/Release/strongroom.node');
  load([addon]);
  process.stdout.write(`${addon}\n`);
  return 0;
}

function gypArguments(): string[] {
  return [
    'rebuild',
    `--nodedir=${join(root, 'out/vendor/node')}`,
    '--force-process-config', // The directory holds headers only.
    ...['-j', 'max'],
    '--loglevel=warn',
  ];
}

function findNodeGyp(): string | undefined {
  const require = createRequire(import.meta.url);
  const here = dirname(process.execPath);
  const inNpm = 'node_modules/npm/node_modules/node-gyp/bin/node-gyp.js';
  const places = [
    process.env['npm_config_node_gyp'], // npm and npx name their own.
    ...(require.resolve.paths('node-gyp') ?? []).map((path) => `${path}/node-gyp/bin/node-gyp.js`),
    join(here, '../lib', inNpm),
    join(here, inNpm),
  ];
  return places.find((path) => path !== undefined && existsSync(path));
}

/** node-gyp lets npm's variables override its command line: a `nodedir` would win, for one. */
function environment(): NodeJS.ProcessEnv {
  const entries = Object.entries(process.env);
  return Object.fromEntries(entries.filter(([name]) => !/^npm_(package_)?config_/i.test(name)));
}

function say(line: string): void {
  process.stderr.write(`${line}\n`);
}
