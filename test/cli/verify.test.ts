// `strongroom verify` and `strongroom heal` as a user runs them: exit codes, JSON, and a store that
// is whole again.
import { randomBytes } from 'node:crypto';
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { open } from '../../lib/index.ts';
import { builtCommand } from '../support/built-package.ts';
import { runProgram } from '../support/run-program.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

test('damage is 5, healed damage is 0, and nothing is left of it', async (t) => {
  const path = join(await temporaryFolder(t), 'data');
  const store = await open(path, { zones: 3 });
  await store.bucket('docs').put('large', randomBytes(400_000));
  await store.close();
  const whole = await runProgram(builtCommand, ['verify', path, '--deep', '--json']);
  t.is(whole.code, 0, whole.stderr);
  t.like(JSON.parse(whole.stdout), { found: 0, findings: [], quarantined: 0 });

  const blobs = join(path, 'zone-2', 'blob');
  const files = await readdir(blobs, { recursive: true });
  await rm(join(blobs, files.find((name) => name.endsWith('.0')) ?? ''));
  const damaged = await runProgram(builtCommand, ['verify', path]);
  t.is(damaged.code, 5);
  t.regex(damaged.stderr, /^missing: zone 2: blob .*\(docs\/large\)$/m);
  t.regex(damaged.stdout, /^found: 1\nhealed: 0\nunrecoverable: 0\nquarantined: 0$/m);
  const healed = await runProgram(builtCommand, ['heal', path]);
  t.is(healed.code, 0);
  t.regex(healed.stderr, /^healed: zone 2: /m);
  t.is((await runProgram(builtCommand, ['verify', path])).code, 0);
});

test('a store that is not there is told, and not made', async (t) => {
  const path = join(await temporaryFolder(t), 'none');
  const { code, stderr } = await runProgram(builtCommand, ['verify', path]);
  t.not(code, 0);
  t.regex(stderr, /^strongroom: /);
  t.deepEqual(await readdir(join(path, '..')), []);
});
