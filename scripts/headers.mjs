// Makes a directory that node-gyp accepts as --nodedir out of the npm package node-api-headers,
// so that no header archive is ever downloaded. Run as a program it prints the directory's path.
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const gypi = `{
  'target_defaults': {
    'default_configuration': 'Release',
    'configurations': {
      'Release': { 'cflags': ['-O3'], 'defines': ['NDEBUG'] },
      'Debug': { 'cflags': ['-g', '-O0'] }
    },
    'cflags': ['-fPIC'],
    'conditions': [
      ['OS=="mac"', { 'xcode_settings': { 'OTHER_LDFLAGS': ['-undefined dynamic_lookup'] } }]
    ]
  }
}
`;

export function makeHeaders(dir = fileURLToPath(new URL('../out/headers', import.meta.url))) {
  const require = createRequire(import.meta.url);
  // Left alone when whole and of this version: new file times would compile the binding again.
  const complete = `${require('node-api-headers/package.json').version}\n${gypi}`;
  const stamp = join(dir, 'complete');
  if (read(stamp) === complete) return dir;
  const include = join(dir, 'include/node');
  rmSync(dir, { recursive: true, force: true });
  mkdirSync(include, { recursive: true });
  cpSync(require('node-api-headers').include_dir, include, { recursive: true });
  writeFileSync(join(include, 'common.gypi'), gypi);
  writeFileSync(stamp, complete);
  return dir;
}

function read(path) {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return null;
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  process.stdout.write(makeHeaders(process.argv[2] && resolve(process.argv[2])));
}
