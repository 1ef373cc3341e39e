// Builds what is published, packs it, installs the tarball in an empty folder and uses it there.
//   node scripts/pack.mjs      leaves out/pack/strongroom-VERSION.tgz
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { makeHeaders } from './headers.mjs';
import { cleanEnvironment, runTool } from './tool.mjs';

process.chdir(fileURLToPath(new URL('..', import.meta.url)));
const out = resolve('out/pack');

function run(command, args, options = {}) {
  const { status, stdout, error } = spawnSync(command, args, {
    stdio: ['ignore', 'pipe', 'inherit'],
    encoding: 'utf8',
    env: cleanEnvironment(),
    ...options,
  });
  if (error || status !== 0) {
    console.error(`${command} ${args.join(' ')}: ${error?.message ?? `exit code ${status}`}`);
    process.exit(1);
  }
  return stdout;
}

function build() {
  for (const folder of ['dist', 'prebuilds', out]) rmSync(folder, { recursive: true, force: true });
  mkdirSync(out, { recursive: true });
  run(process.execPath, ['scripts/vendor.mjs']);
  run('npm', ['run', '-s', 'build']);
  // Without -t it would fetch the headers of the newest Node it knows.
  const status = runTool(
    'prebuildify',
    'bin.js',
    ['--napi', '--strip', '--name', 'strongroom.napi', '--tag-libc', '-t', process.versions.node],
    {
      npm_config_nodedir: makeHeaders(),
      npm_config_force_process_config: 'true',
      PREBUILD_NODE_GYP: resolve('node_modules/.bin/node-gyp'),
    },
  );
  if (status !== 0) process.exit(status);
}

const needed = [
  /^dist\/index\.js$/,
  /^dist\/index\.d\.ts$/,
  /^dist\/cli\/main\.js$/,
  /^prebuilds\/[\w-]+\/strongroom\.napi[\w.]*\.node$/,
  /^binding\.gyp$/,
  /^native\/sources\.gypi$/,
  /^out\/vendor\/leveldb\/LICENSE$/,
  /^out\/vendor\/leveldb\/db\/db_impl\.cc$/,
  /^scripts\/headers\.mjs$/,
  /^LICENSE$/,
  /^README\.md$/,
  /^THIRD_PARTY_NOTICES$/,
];
const unwanted =
  /_(test|fuzz|bench)\.cc$|^native\/base\/testing|^lib\/|^test\/|node_modules|^bench\//;

function pack() {
  const answer = JSON.parse(run('npm', ['pack', '--json', '--pack-destination', out]));
  const [{ filename, files, size, unpackedSize }] = Array.isArray(answer)
    ? answer
    : Object.values(answer);
  const paths = files.map(({ path }) => path);
  const problems = [
    ...needed.filter((pattern) => !paths.some((path) => pattern.test(path))).map(String),
    ...paths.filter((path) => unwanted.test(path)),
  ];
  if (problems.length > 0) {
    console.error(`the tarball lacks, or should not hold: ${problems.join(', ')}`);
    process.exit(1);
  }
  console.log(`${filename}: ${paths.length} files, ${size} bytes, ${unpackedSize} unpacked`);
  return join(out, filename);
}

const program = `
import { open } from 'strongroom';
const store = await open('./data', { zones: 3 });
await store.bucket('docs').put('hello.txt', 'hi');
await store.bucket('docs').put('large', new Uint8Array(1 << 20));
console.log(await (await store.bucket('docs').get('hello.txt')).text());
await store.close();
`;

/** As a stranger would: an empty folder, an empty home, no scripts. */
function useIt(tarball) {
  const folder = mkdtempSync(join(tmpdir(), 'strongroom-installed-'));
  const options = { cwd: folder, env: { PATH: process.env.PATH, HOME: folder } };
  try {
    writeFileSync(join(folder, 'package.json'), '{"type":"module"}');
    writeFileSync(join(folder, 'use.js'), program);
    run('npm', ['install', '--ignore-scripts', '--no-audit', '--no-fund', tarball], options);
    const said = run(process.execPath, ['use.js'], options);
    if (said !== 'hi\n') throw new Error(`the installed package said ${said}`);
    run(join(folder, 'node_modules/.bin/strongroom'), ['--version'], options);
    console.log(`installed and used in ${readdirSync(join(folder, 'node_modules')).join(', ')}`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

build();
useIt(pack());
