// Copies the third-party sources that the addon is made from into out/vendor, so that none is
// committed and all are packed: a source build needs no network.
//   out/vendor/leveldb   the pinned classic-level's LevelDB, without its own door to the OS, its
//                        ports, tests and tools
//   out/vendor/node      the headers of Node-API and node-addon-api, as node-gyp's --nodedir
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

process.chdir(fileURLToPath(new URL('..', import.meta.url)));
const require = createRequire(import.meta.url);
const pinned = '3.0.0'; // The list of files was checked for this one.

function version(name) {
  return JSON.parse(readFileSync(require.resolve(`${name}/package.json`), 'utf8')).version;
}

/** Makes `to` anew unless it is whole and of `edition`: new file times would compile all again. */
function refresh(to, edition, copy) {
  // Written last, so that an interrupted copy is made again.
  const stamp = join(to, 'VERSION');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === edition) return;
  rmSync(to, { recursive: true, force: true });
  mkdirSync(to, { recursive: true });
  copy(to);
  writeFileSync(stamp, edition);
}

const tools = /^c\.cc$|_test\.|_test_helper|_bench\.|testharness|testutil/;
const doors = /leveldbutil|histogram|dumpfile|env_posix|posix_logger|env_win|win_logger/;

function copyLevelDb(to) {
  const manifest = require.resolve('classic-level/package.json');
  const from = join(dirname(manifest), 'deps/leveldb/leveldb-1.20');
  for (const folder of ['db', 'include/leveldb', 'table', 'util']) {
    for (const name of readdirSync(join(from, folder))) {
      if (!/\.(cc|h)$/.test(name) || tools.test(name) || doors.test(name)) continue;
      cpSync(join(from, folder, name), join(to, folder, name));
    }
  }
  for (const name of ['port.h', 'thread_annotations.h']) {
    cpSync(join(from, 'port', name), join(to, 'port', name));
  }
  cpSync(join(from, 'LICENSE'), join(to, 'LICENSE'));
  // One translation unit per folder: compiled file by file, the same headers take most of the time.
  for (const folder of ['db', 'table', 'util']) {
    const sources = readdirSync(join(to, folder)).filter((name) => name.endsWith('.cc'));
    const lines = sources.sort().map((name) => `#include "${folder}/${name}"\n`);
    writeFileSync(join(to, `bundle_${folder}.cc`), lines.join(''));
  }
}

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

function copyHeaders(to) {
  const include = join(to, 'include/node');
  cpSync(require('node-api-headers').include_dir, include, { recursive: true });
  const addonApi = dirname(require.resolve('node-addon-api/package.json'));
  for (const name of ['napi.h', 'napi-inl.h', 'napi-inl.deprecated.h']) {
    cpSync(join(addonApi, name), join(include, name));
  }
  writeFileSync(join(include, 'common.gypi'), gypi);
}

const found = version('classic-level');
if (found !== pinned) {
  console.error(`classic-level is ${found}, the file list was checked for ${pinned} only`);
  process.exit(1);
}
refresh('out/vendor/leveldb', `classic-level ${pinned}, in bundles\n`, copyLevelDb);
const headers = ['node-api-headers', 'node-addon-api'].map((name) => `${name} ${version(name)}\n`);
refresh('out/vendor/node', headers.join('') + gypi, copyHeaders);
