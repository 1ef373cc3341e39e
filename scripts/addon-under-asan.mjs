// The TypeScript tests on an addon with AddressSanitizer, LeakSanitizer and UBSan inside:
//   node scripts/addon-under-asan.mjs [AVA ARGUMENT...]
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { arePlantedReported } from './planted.mjs';
import { buildSanitized, flavours } from './sanitized.mjs';
import { cleanEnvironment } from './tool.mjs';

const { out, mistakes } = flavours.asan;
const reports = fileURLToPath(new URL(`../${out}/reports`, import.meta.url));

/** @returns whether each mistake planted in an addon is found, among all that Node leaves */
function isFitToJudge() {
  const load = ['-e', 'require(process.argv[1])', find('strongroom_planted.node')];
  return arePlantedReported(mistakes, (mistake) => {
    const { status, stderr, findings } = watch(load, { STRONGROOM_PLANTED: mistake }, 'pipe');
    // Leaks end no process with an error here: see environment().
    const report = [...findings, stderr].join('\n');
    return { status: findings.length > 0 ? 1 : status, report };
  });
}

/** @returns the exit code */
function testAddon(avaArguments) {
  const ava = ['node_modules/ava/entrypoints/cli.mjs', '--timeout=10m', ...avaArguments];
  const addon = { STRONGROOM_NATIVE: find('strongroom.node') }; // Heard in a checkout only.
  const { status, findings, processes } = watch(ava, addon, 'inherit');
  for (const finding of findings) console.error(`${finding}\n`);
  console.log(`sanitizers: ${findings.length} findings in the addon, ${processes} reports read`);
  return status === 0 && findings.length === 0 ? 0 : 1;
}

/** Runs Node under the sanitizers and reads what its processes reported. */
function watch(args, additions, stderr) {
  rmSync(reports, { recursive: true, force: true });
  mkdirSync(reports, { recursive: true });
  const run = spawnSync(process.execPath, args, {
    stdio: ['ignore', 'inherit', stderr],
    encoding: 'utf8',
    env: cleanEnvironment({ ...environment(), ...additions }),
  });
  const names = readdirSync(reports);
  const findings = names.flatMap((name) => findingsIn(readFileSync(join(reports, name), 'utf8')));
  return { status: run.status, stderr: run.stderr, findings, processes: names.length };
}

function find(name) {
  const path = readdirSync(out, { recursive: true, encoding: 'utf8' }).find((each) =>
    each.endsWith(`/${name}`),
  );
  if (path === undefined) throw new Error(`${out} holds no ${name}`);
  return resolve(out, path);
}

function environment() {
  const library = (name) => {
    const { stdout } = spawnSync('g++', [`-print-file-name=${name}`], { encoding: 'utf8' });
    return stdout.trim();
  };
  return {
    // Node itself is not instrumented, so the runtime must be there before the addon is.
    LD_PRELOAD: `${library('libasan.so')} ${library('libstdc++.so.6')}`,
    // Every process of the tests writes its leaks, Node's and the compilers' own among them, and
    // goes on: which of them count is told below. A wrong access ends its process.
    ASAN_OPTIONS: [
      `log_path=${join(reports, 'report')}`,
      'detect_leaks=1:exitcode=0:abort_on_error=1:disable_coredump=1',
    ].join(':'),
    // It writes to stderr only, and a test whose process it ends fails.
    UBSAN_OPTIONS: 'halt_on_error=1:abort_on_error=1:print_stacktrace=1',
  };
}

const leak = /^(?:Direct|Indirect) leak of .*\n(?: +[#<].*\n?)*/gm;
// A frame of ours is named by its source, or by its file where that has no symbols.
const ourFrame = /[\s/](?:native|vendor)\/\S+\.(?:cc|h):\d+|\/strongroom\w*\.node/;
const nodesFrame = /\(\S*\/node\+0x/;
const around = [
  /^=+$/gm,
  /^==\d+==ERROR: LeakSanitizer: detected memory leaks$/gm,
  /^SUMMARY: AddressSanitizer: \d+ byte\(s\) leaked in \d+ allocation\(s\)\.$/gm,
];

/**
 * What counts in the report of one process: everything but leaks of memory that others took. Node
 * leaves memory to the system when it ends, its records of our references and wraps among them, and
 * LeakSanitizer cannot look into V8's heap. A suppression by the name of Node would hide ours too,
 * since Node's frames stand in every stack. A sentence that is not known counts.
 */
export function findingsIn(report) {
  const ours = (report.match(leak) ?? []).filter(isTakenByUs);
  const rest = around.reduce((text, line) => text.replace(line, ''), report.replace(leak, ''));
  return [rest, ...ours].map((text) => text.trim()).filter((text) => text !== '');
}

/** Whoever stands next to the allocator, past the C++ library, took it. */
function isTakenByUs(stack) {
  const taker = stack.split('\n').find((line) => ourFrame.test(line) || nodesFrame.test(line));
  return taker !== undefined && ourFrame.test(taker);
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  process.chdir(fileURLToPath(new URL('..', import.meta.url)));
  const built = buildSanitized(flavours.asan);
  process.exit(built !== 0 ? built : isFitToJudge() ? testAddon(process.argv.slice(2)) : 1);
}
