// Copies LevelDB's sources from the pinned npm package classic-level to out/vendor/leveldb, so that
// no third-party source is committed. Left out: its own door to the OS, its ports, tests and tools.
import { cpSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

process.chdir(fileURLToPath(new URL('..', import.meta.url)));
const pinned = '3.0.0';
const manifest = createRequire(import.meta.url).resolve('classic-level/package.json');
const { version } = JSON.parse(readFileSync(manifest, 'utf8'));
if (version !== pinned) {
  console.error(`classic-level is ${version}, the file list was checked for ${pinned} only`);
  process.exit(1);
}
const from = join(dirname(manifest), 'deps/leveldb/leveldb-1.20');
const to = 'out/vendor/leveldb';
// Written last, so that an interrupted copy is made again.
const stamp = join(to, 'VERSION');
if (existsSync(stamp) && readFileSync(stamp, 'utf8') === `classic-level ${pinned}\n`)
  process.exit(0);

const tools = /^c\.cc$|_test\.|_test_helper|_bench\.|testharness|testutil/;
const doors = /leveldbutil|histogram|dumpfile|env_posix|posix_logger|env_win|win_logger/;
rmSync(to, { recursive: true, force: true });
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
writeFileSync(stamp, `classic-level ${pinned}\n`);
