// Builds the shipped addon with node-gyp when a native input is newer than the last build.
import { existsSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { makeHeaders } from './headers.mjs';
import { runTool } from './tool.mjs';

process.chdir(fileURLToPath(new URL('..', import.meta.url)));
const addon = 'build/Release/strongroom.node';
// Written after a build that succeeded: the linker leaves the addon's own time alone when an input
// changed that does not reach it.
const stamp = 'build/strongroom.stamp';
const inputs = ['native', 'binding.gyp', 'package.json', 'out/vendor/leveldb'];

function newest(path) {
  const stat = statSync(path);
  if (!stat.isDirectory()) return /_(test|fuzz|bench)\.cc$|\.md$/.test(path) ? 0 : stat.mtimeMs;
  return Math.max(0, ...readdirSync(path).map((name) => newest(join(path, name))));
}
function modified(path) {
  return existsSync(path) ? statSync(path).mtimeMs : 0;
}

if (existsSync(addon) && modified(stamp) > Math.max(...inputs.map(newest))) process.exit(0);
// Configured anew only when the list of files changed: `build` then compiles just what is needed.
const listed = Math.max(modified('binding.gyp'), modified('native/sources.gypi'));
const steps = modified('build/Makefile') > listed ? ['build'] : ['configure', 'build'];
const status = runTool('node-gyp', 'bin/node-gyp.js', [
  ...steps,
  `--nodedir=${makeHeaders()}`,
  '--force-process-config', // The directory holds headers only.
  '-j',
  'max',
  '--loglevel=warn',
]);
if (status === 0) writeFileSync(stamp, '');
process.exit(status);
