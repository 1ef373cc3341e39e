// Builds what is published, packs it, and uses the tarball as strangers would: installed by npm 11
// and 12, imported, required, compiled where no prebuild fits, type-checked by TypeScript 5.4 to 7,
// and read by linters.
//   node scripts/pack.mjs      leaves out/pack/strongroom-VERSION.tgz and its list, contents.txt
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { compileConsumer } from './pack/compilers.mjs';
import { lint } from './pack/judges.mjs';
import { buildOffline } from './pack/offline-build.mjs';
import { run } from './pack/run.mjs';
import { useIt } from './pack/stranger.mjs';
import { runTool } from './tool.mjs';

process.chdir(fileURLToPath(new URL('..', import.meta.url)));
const out = resolve('out/pack');

function build() {
  for (const folder of ['dist', 'prebuilds', out]) rmSync(folder, { recursive: true, force: true });
  mkdirSync(out, { recursive: true });
  run(process.execPath, ['scripts/vendor.mjs']);
  run(process.execPath, ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.json']);
  // npm hands its configuration to prebuildify's node-gyp through the environment only.
  const status = runTool(
    'prebuildify',
    'bin.js',
    ['--napi', '--strip', '--name', 'strongroom.napi', '--tag-libc', '-t', process.versions.node],
    {
      npm_config_nodedir: resolve('out/vendor/node'),
      npm_config_force_process_config: 'true',
      npm_config_jobs: 'max',
      PREBUILD_NODE_GYP: resolve('node_modules/.bin/node-gyp'),
    },
  );
  if (status !== 0) throw new Error('prebuildify cannot build the addon');
  const addons = readdirSync('prebuilds', { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.node'))
    .map((path) => `prebuilds/${path}`);
  run(process.execPath, ['scripts/floor-check.mjs', ...addons]);
  console.log(`ok   built within the glibc floor: ${addons.join(', ')}`);
}

const needed = [
  /^dist\/index\.js$/,
  /^dist\/index\.d\.ts$/,
  /^dist\/cli\/main\.js$/,
  /^prebuilds\/[\w-]+\/strongroom\.napi(\.glibc|\.musl)?\.node$/,
  /^binding\.gyp$/,
  /^native\/sources\.gypi$/,
  /^out\/vendor\/leveldb\/LICENSE$/,
  /^out\/vendor\/leveldb\/db\/db_impl\.cc$/,
  /^out\/vendor\/node\/include\/node\/napi\.h$/,
  /^out\/vendor\/node\/include\/node\/common\.gypi$/,
  /^LICENSE$/,
  /^README\.md$/,
  /^THIRD_PARTY_NOTICES$/,
];
const unwanted =
  /_(test|fuzz|bench)\.cc$|^native\/base\/testing|^lib\/|^test\/|node_modules|^bench\/|^scripts\//;

function pack() {
  const answer = JSON.parse(run('npm', ['pack', '--json', '--pack-destination', out]));
  // npm 11 answers with a list, npm 12 with an object by package name.
  const [{ filename, files, size, unpackedSize }] = Object.values(answer);
  const paths = files.map(({ path }) => path);
  const missing = needed.filter((pattern) => !paths.some((path) => pattern.test(path)));
  const surplus = paths.filter((path) => unwanted.test(path));
  if (missing.length > 0 || surplus.length > 0) {
    for (const pattern of missing) console.error(`the package lacks ${pattern}`);
    for (const path of surplus) console.error(`the package holds ${path}`);
    throw new Error(`${filename} is not what is published`);
  }
  const list = files.map(({ path, size: bytes }) => `${String(bytes).padStart(9)} ${path}\n`);
  writeFileSync(join(out, 'contents.txt'), list.join(''));
  console.log(`${filename}: ${files.length} files, ${kb(size)}, unpacked ${kb(unpackedSize)}`);
  for (const [folder, { count, bytes }] of contents(files)) {
    console.log(
      `     ${folder.padEnd(24)} ${String(count).padStart(4)} files ${kb(bytes).padStart(9)}`,
    );
  }
  return join(out, filename);
}

/** The list of contents by folder: every file of the top, and what lies below each folder. */
function contents(files) {
  const folders = new Map();
  for (const { path, size } of files) {
    const folder = path.includes('/')
      ? `${path.split('/').slice(0, depth(path)).join('/')}/`
      : path;
    const { count = 0, bytes = 0 } = folders.get(folder) ?? {};
    folders.set(folder, { count: count + 1, bytes: bytes + size });
  }
  return [...folders].sort(([a], [b]) => (a < b ? -1 : 1));
}

function depth(path) {
  return /^out\/vendor\//.test(path) ? 3 : /^prebuilds\//.test(path) ? 2 : 1;
}

function kb(bytes) {
  return `${Math.round(bytes / 1000)} kB`;
}

try {
  build();
  const tarball = pack();
  useIt(tarball);
  lint(tarball);
  compileConsumer(tarball);
  buildOffline(tarball);
} catch (error) {
  console.error(error.message);
  process.exit(1);
}
