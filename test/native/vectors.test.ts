// The core's seals against published vectors and node:crypto: which sets ran, and that none of
// their cases was lost on the way.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test from 'ava';

interface Counts {
  passed: number;
  failed: number;
  skipped: number;
}
interface Summary extends Counts {
  sets: (Counts & { name: string })[];
}

const root = fileURLToPath(new URL('../..', import.meta.url));
const folder = process.env.STRONGROOM_VECTORS ?? join(root, '../shared/vectors');

/** Name, cases that pass, cases that cannot run. */
const published: [string, number, number][] = [
  ['Wycheproof AES-GCM, production entry', 66, 0],
  // OpenSSL takes nonces up to 128 bytes, these three have 257.
  ['Wycheproof AES-GCM, other sizes', 247, 3],
  ['NIST gcmDecrypt256, production entry', 375, 0],
  ['NIST gcmDecrypt256, other sizes', 7500, 0],
  ['NIST gcmEncryptExtIV256, production entry', 375, 0],
  ['NIST gcmEncryptExtIV256, other sizes', 7500, 0],
  ['Wycheproof HKDF-SHA-256', 86, 0],
  ['Wycheproof HKDF-SHA-512', 83, 0],
  ['Wycheproof HMAC-SHA-256', 174, 0],
  ['Wycheproof HMAC-SHA-512', 174, 0],
  ['C2SP chunked encryption', 35, 0],
];
const derived: [string, number, number][] = [
  ['XAES-256-GCM, single', 2, 0],
  ['XAES-256-GCM, 10000 accumulated', 1, 0],
  ['Worked example of docs/format/seal-header.md', 1, 0],
  ['AES-256-GCM against node:crypto', 200, 0],
  ['HKDF against node:crypto', 100, 0],
  ['Blobs against node:crypto', 24, 0],
  ['Broken blobs', 116, 0],
];

function run(vectors: string): { status: number | null; output: string; summary: Summary } {
  const script = join(root, 'scripts/vectors.mjs');
  const { status, stdout, stderr } = spawnSync(process.execPath, [script, '--json'], {
    encoding: 'utf8',
    env: { ...process.env, STRONGROOM_VECTORS: vectors },
  });
  const last = stdout.trimEnd().split('\n').at(-1) ?? '';
  if (!last.startsWith('{')) throw new Error(`no summary: ${stdout}${stderr}`);
  return { status, output: stdout + stderr, summary: JSON.parse(last) as Summary };
}
const rows = ({ sets }: Summary) =>
  sets.map(({ name, passed, skipped }) => [name, passed, skipped]);

// Third-party data lies beside a checkout, not in it.
const withFolder = existsSync(folder) ? test : test.skip;
withFolder('every published vector that OpenSSL can run agrees with the core', (t) => {
  const { status, output, summary } = run(folder);
  t.is(status, 0, output);
  t.is(summary.failed, 0);
  t.deepEqual(rows(summary), [...published, ...derived]);
});

test('without the files their sets are skipped and counted, the others run', (t) => {
  const { status, output, summary } = run(join(root, 'no such folder'));
  t.is(status, 0, output);
  t.is(summary.failed, 0);
  t.deepEqual(rows(summary), [
    ...published.map(([name, passed, skipped]) => [name, 0, passed + skipped]),
    ...derived,
  ]);
  t.regex(output, /^skip NIST gcmDecrypt256, other sizes: 0 of 7500, 7500 not run: no nist\//m);
  t.regex(output, /fetch testvectors_v1/);
});
