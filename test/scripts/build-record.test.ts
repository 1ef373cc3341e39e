// What was built from what is known by content: nothing is built twice, and nothing is missed.
import { mkdirSync, mkdtempSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';

interface Record {
  isConfigured: boolean;
  has(outputs: string[]): boolean;
  configured(): void;
  begin(): void;
  finish(outputs: string[]): void;
}
const script = '../../scripts/build-record.mjs';
const { BuildRecord } = (await import(script)) as { BuildRecord: new (path: string) => Record };

const long = new Date('2001-01-01');
const outputs = ['build/addon.node'];
const open = () => new BuildRecord('build/record.json');

/** What scripts/addon.mjs does, with a compiler that always succeeds. */
function build(): void {
  const record = open();
  if (!record.isConfigured) {
    writeFileSync('build/Makefile', '');
    record.configured();
  }
  record.begin();
  for (const path of outputs) writeFileSync(path, '');
  record.finish(outputs);
}

test.beforeEach((t) => {
  const folder = mkdtempSync(join(tmpdir(), 'build-record-'));
  process.chdir(folder);
  t.context = folder;
  for (const path of ['native', 'out/vendor/leveldb', 'out/vendor/node', 'build', 'scripts']) {
    mkdirSync(path, { recursive: true });
  }
  for (const path of [
    ...['binding.gyp', 'native/sources.gypi', 'native/a.cc'],
    ...['package-lock.json', 'scripts/precompile.mjs'],
  ]) {
    writeFileSync(path, path);
  }
});

test.afterEach.always((t) => {
  process.chdir(tmpdir());
  rmSync(t.context as string, { recursive: true });
});

test.serial('nothing stands before the first build, all after it', (t) => {
  t.false(open().has(outputs));
  t.false(open().isConfigured);
  build();
  t.true(open().has(outputs));
  t.true(open().isConfigured);
});

test.serial('a new time alone builds nothing', (t) => {
  build();
  utimesSync('native/a.cc', new Date(Date.now() + 60_000), new Date(Date.now() + 60_000));
  t.true(open().has(outputs));
});

test.serial('new content with an old time is built, and make sees it', (t) => {
  build();
  writeFileSync('native/a.cc', 'int a;');
  utimesSync('native/a.cc', long, long);
  t.false(open().has(outputs));
  t.true(open().isConfigured);
  open().begin();
  t.true(statSync('native/a.cc').mtimeMs > statSync('build/addon.node').mtimeMs - 1);
});

test.serial('a file that comes or goes is built, a document is none', (t) => {
  build();
  writeFileSync('native/README.md', 'words');
  t.true(open().has(outputs));
  writeFileSync('native/b.h', '');
  t.false(open().has(outputs));
  rmSync('native/b.h');
  rmSync('native/a.cc');
  t.false(open().has(outputs));
});

test.serial('a new list of files is configured', (t) => {
  build();
  writeFileSync('native/sources.gypi', '{}');
  t.false(open().isConfigured);
});

test.serial('an interrupted build claims nothing', (t) => {
  build();
  writeFileSync('native/a.cc', 'int a;');
  open().begin();
  t.false(open().has(outputs));
  build();
  t.true(open().has(outputs));
});

test.serial('what was never built, or is gone, does not stand', (t) => {
  build();
  t.false(open().has([...outputs, 'build/tests']));
  rmSync('build/addon.node');
  t.false(open().has(outputs));
});
