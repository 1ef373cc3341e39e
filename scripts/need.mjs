// Names every tool that is missing, with its Debian package, before anything is compiled.
//   node scripts/need.mjs PURPOSE
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const purpose = process.argv[2];
const sanitizers = ['test:asan', 'test:tsan'];
const runs = [
  'fuzz',
  'mutants',
  'sim',
  'test',
  'test:blocks',
  'test:flips',
  'test:kills',
  'test:matrix',
  'test:model',
  'test:napi',
  'test:tamper',
];
const purposes = ['bench', 'demo', 'pack', ...runs, ...sanitizers];
if (!purposes.includes(purpose)) {
  console.error(`usage: node scripts/need.mjs ${purposes.join('|')}`);
  process.exit(2);
}

// Each probe is a program of the standard that the sources use, so that a compiler that is present
// but too old is named as well.
const cxx20 = '#include <span>\n#include <bit>\n#include <concepts>\nstd::span<int> s;\n';
const tools = [
  {
    command: process.env.CC ?? 'cc',
    args: ['--version'],
    what: 'a C compiler',
    debian: 'g++',
  },
  {
    command: process.env.CXX ?? 'g++',
    args: ['-std=c++20', '-fsyntax-only', '-x', 'c++', '-'],
    input: cxx20,
    what: 'a C++20 compiler (g++ 10 or newer)',
    debian: 'g++',
  },
  { command: 'make', args: ['--version'], what: 'make', debian: 'make' },
  {
    command: process.env.PYTHON ?? 'python3',
    args: ['-c', 'import sys; sys.exit(sys.version_info < (3, 6))'],
    what: 'Python 3.6 or newer (for node-gyp)',
    debian: 'python3',
  },
];
if ([...sanitizers, 'fuzz', 'mutants'].includes(purpose)) {
  tools.push({
    command: 'cmake',
    args: ['--version'],
    accept: (output) => atLeast(/(\d+)\.(\d+)/.exec(output), 3, 19),
    what: 'CMake 3.19 or newer (for the sanitizers)',
    debian: 'cmake',
  });
}

if (purpose === 'test:blocks') {
  tools.push(
    {
      command: 'pkg-config',
      args: ['--exists', 'fuse3'],
      what: 'libfuse 3 (for the disk that is recorded)',
      debian: 'libfuse3-dev pkg-config',
    },
    { command: 'mkfs.ext4', args: ['-V'], what: 'mkfs.ext4', debian: 'e2fsprogs' },
    { command: 'losetup', args: ['--version'], what: 'losetup', debian: 'mount' },
  );
}

function atLeast(match, major, minor) {
  if (!match) return false;
  const [have, haveMinor] = [Number(match[1]), Number(match[2])];
  return have > major || (have === major && haveMinor >= minor);
}

function missing(tool) {
  // CC and CXX may name a wrapper and its compiler, as make understands them.
  const [command, ...args] = tool.command.split(' ');
  const run = spawnSync(command, [...args, ...tool.args], {
    encoding: 'utf8',
    input: tool.input ?? '',
  });
  if (run.error?.code === 'ENOENT') return `${tool.what}: \`${tool.command}\` was not found`;
  if (run.status !== 0 || (tool.accept && !tool.accept(run.stdout))) {
    return `${tool.what}: \`${tool.command}\` is there, but too old`;
  }
  return null;
}

const complaints = [];
const packages = new Set();
if (!atLeast(/(\d+)\.(\d+)/.exec(process.versions.node), 20, 19)) {
  complaints.push(`Node 20.19 or newer: this is ${process.versions.node}`);
}
for (const tool of tools) {
  const complaint = missing(tool);
  if (complaint === null) continue;
  complaints.push(`${complaint} (Debian package ${tool.debian})`);
  packages.add(tool.debian);
}

const require = createRequire(import.meta.url);
const manifest = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
const wanted = Object.keys({ ...manifest.dependencies, ...manifest.devDependencies });
const absent = wanted.filter((name) => {
  const paths = require.resolve.paths(name) ?? [];
  return !paths.some((path) => existsSync(`${path}/${name}/package.json`));
});
if (absent.length > 0) complaints.push(`npm packages: run \`npm ci\` first (${absent.join(', ')})`);

if (complaints.length > 0) {
  const command = purpose === 'test' ? 'npm test' : `npm run ${purpose}`;
  console.error(`\`${command}\` needs what is missing here:`);
  for (const complaint of complaints) console.error(`  - ${complaint}`);
  if (packages.size > 0)
    console.error(`On Debian or Ubuntu: apt install ${[...packages].join(' ')}`);
  process.exit(1);
}
