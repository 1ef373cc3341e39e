// Makes a directory that node-gyp accepts as --nodedir out of the npm package node-api-headers,
// so that no header archive is ever downloaded. Prints its path.
import { cpSync, mkdirSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';

const dir = resolve(process.argv[2] ?? 'out/headers');
const include = join(dir, 'include/node');
mkdirSync(include, { recursive: true });
cpSync(createRequire(import.meta.url)('node-api-headers').include_dir, include, { recursive: true });
writeFileSync(
  join(include, 'common.gypi'),
  `{
  'target_defaults': {
    'default_configuration': 'Release',
    'configurations': {
      'Release': { 'cflags': ['-O3'], 'defines': ['NDEBUG'] },
      'Debug': { 'cflags': ['-g', '-O0'] }
    },
    'cflags': ['-fPIC'],
    'conditions': [['OS=="mac"', { 'xcode_settings': { 'OTHER_LDFLAGS': ['-undefined dynamic_lookup'] } }]]
  }
}
`,
);
process.stdout.write(dir);
