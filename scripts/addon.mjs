// Builds the shipped addon with node-gyp and, on request, the C++ tests on the same objects.
//   node scripts/addon.mjs [--tests]
import { spawnSync } from 'node:child_process';
import { isAbsolute, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { BuildRecord } from './build-record.mjs';
import { canPrecompile, precompile, precompiledFolder } from './precompile.mjs';
import { runTool } from './tool.mjs';

process.chdir(fileURLToPath(new URL('..', import.meta.url)));
const { values: options } = parseArgs({ options: { tests: { type: 'boolean', default: false } } });
const programs = ['strongroom_test', 'strongroom_vectors', 'strongroom_sim', 'strongroom_tamper'];
const targets = ['strongroom', ...(options.tests ? programs : [])];
const outputs = targets.map(
  (name) => `build/Release/${name}${name === 'strongroom' ? '.node' : ''}`,
);

/** The tests run outside Node, which brings its own. Empty when the system has none. */
function libcrypto() {
  const [command, ...args] = (process.env.CXX ?? 'g++').split(' ');
  for (const name of ['libcrypto.so', 'libcrypto.so.3']) {
    const { stdout } = spawnSync(command, [...args, `-print-file-name=${name}`]);
    const path = String(stdout ?? '').trim();
    if (isAbsolute(path)) return path;
  }
  return '';
}

function nodeGyp(command, ...args) {
  const status = runTool('node-gyp', 'bin/node-gyp.js', [
    command,
    `--nodedir=${resolve('out/vendor/node')}`,
    '--force-process-config', // The directory holds headers only.
    '--loglevel=warn',
    ...args,
  ]);
  if (status !== 0) process.exit(status);
}

const record = new BuildRecord('build/strongroom.json');
if (record.has(outputs)) process.exit(0);
if (!record.isConfigured) {
  const definitions = {
    strongroom_tests: 1,
    strongroom_libcrypto: libcrypto(),
    strongroom_precompiled: canPrecompile() ? precompiledFolder : '',
  };
  nodeGyp('configure', '--', ...Object.entries(definitions).map(([name, to]) => `-D${name}=${to}`));
  if (definitions.strongroom_precompiled) await precompile();
  record.configured();
}
record.begin();
nodeGyp('build', '-j', 'max', ...targets);
record.finish(outputs);
