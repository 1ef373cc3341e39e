// Cross-compiles the kernels, the Envs and their tests for arm64 and runs them in an emulator:
//   node scripts/test-arm64.mjs [--seed N] [FILTER...]
// What needs OpenSSL stays out: there is none for arm64 on this machine. Exit code 2: a tool is
// missing.
import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

process.chdir(fileURLToPath(new URL('..', import.meta.url)));
const compiler = 'aarch64-linux-gnu-g++';
const emulator = 'qemu-aarch64';
const libraries = '/usr/aarch64-linux-gnu';
const out = 'out/arm64';

const tools = [
  { command: compiler, debian: 'g++-aarch64-linux-gnu' },
  { command: emulator, debian: 'qemu-user' },
];
const missing = tools.filter(({ command }) => spawnSync(command, ['--version']).error);
if (missing.length > 0) {
  for (const { command, debian } of missing) {
    console.error(`\`${command}\` was not found (Debian package ${debian})`);
  }
  console.error(`On Debian or Ubuntu: apt install ${missing.map((tool) => tool.debian).join(' ')}`);
  process.exit(2);
}

const lists = JSON.parse(readFileSync('native/sources.gypi', 'utf8')).variables;
const folders = /^native\/(base|cpu|hash|erasure|io)\//;
const needsOpenSsl = /\/(sha256|secret_bytes|base_test|digests_test)/;
const portable = ['core', 'simulator', 'test']
  .flatMap((name) => lists[`strongroom_${name}_sources`])
  .filter((path) => folders.test(path) && !needsOpenSsl.test(path));
const sources = [
  ...portable.map((path) => ({ path, flags: [] })),
  ...lists.strongroom_neon_sources.map((path) => ({ path, flags: lists.strongroom_neon_flags })),
];

function compile({ path, flags }) {
  const object = join(out, `${path.replaceAll('/', '_')}.o`);
  const common = ['-std=c++20', '-O2', '-fno-exceptions', '-Inative'];
  const args = [...common, ...lists.strongroom_warnings, ...flags, '-c', path, '-o', object];
  return new Promise((resolve, reject) => {
    spawn(compiler, args, { stdio: ['ignore', 2, 2] }).on('close', (status) => {
      if (status === 0) resolve(object);
      else reject(new Error(`${path} does not compile`));
    });
  });
}

async function compileAll() {
  const objects = [];
  const queue = [...sources];
  const worker = async () => {
    for (let next = queue.pop(); next; next = queue.pop()) objects.push(await compile(next));
  };
  await Promise.all(Array.from({ length: availableParallelism() }, worker));
  return objects;
}

mkdirSync(out, { recursive: true });
const program = join(out, 'strongroom_test');
try {
  const objects = await compileAll();
  const link = spawnSync(compiler, ['-o', program, ...objects, '-lpthread', '-ldl'], {
    stdio: ['ignore', 2, 2],
  });
  if (link.status !== 0) process.exit(1);
} catch (error) {
  console.error(error.message);
  process.exit(1);
}
const run = spawnSync(emulator, ['-L', libraries, program, ...process.argv.slice(2)], {
  stdio: 'inherit',
});
process.exit(run.status ?? 1);
