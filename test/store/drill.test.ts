// The drill, as an operator runs it on a store in use.
import { join } from 'node:path';
import test from 'ava';
import { open } from '../../lib/index.ts';
import { rejection } from '../suite/support.ts';
import { builtCommand } from '../support/built-package.ts';
import { runProgram } from '../support/run-program.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

test('a zone is taken away, nothing is lost, and it is whole again', async (t) => {
  const path = join(await temporaryFolder(t), 'data');
  const store = await open(path, { zones: 3 });
  const bucket = await store.createBucket('docs');
  await bucket.put('small', 'text');
  await bucket.put('large', Buffer.alloc(900_000, 'x'));
  const phases: string[] = [];
  const report = await store.health.drill({ zone: 2, onPhase: (phase) => phases.push(phase) });
  t.like(report, { ok: true, zone: 2, lost: 0, failures: [] });
  // Of each round in and out: what was there, and what the drill wrote.
  t.is(report.writes, 14);
  t.true(report.reads >= 2 * 6);
  t.deepEqual(phases, ['sampling', 'zone away', 'zone returning', 'verifying']);
  t.true((await store.health.status()).ok);
  // Its own bucket is gone, and what others wrote stays.
  const names: string[] = [];
  for await (const { name } of store.buckets()) names.push(name);
  t.deepEqual(names, ['docs']);
  t.is(await (await bucket.get('small'))?.text(), 'text');
  await store.close();

  const { code, stdout, stderr } = await runProgram(builtCommand, ['drill', path, '--json']);
  t.is(code, 0, stderr);
  t.like(JSON.parse(stdout), { ok: true, lost: 0 });
  t.regex(stderr, /zone away/);
});

test('a drill without a zone to spare is refused, and changes nothing', async (t) => {
  const path = join(await temporaryFolder(t), 'data');
  await using store = await open(path);
  await rejection(t, store.health.drill(), 'InvalidArgument');
  const folder = join(await temporaryFolder(t), 'three');
  await using three = await open(folder, { zones: 3 });
  for (const zone of [0, 4, 1.5])
    await rejection(t, three.health.drill({ zone }), 'InvalidArgument');
  const names: string[] = [];
  for await (const { name } of three.buckets()) names.push(name);
  t.deepEqual(names, []);
});

test('a drill that is aborted brings the zone back', async (t) => {
  const path = join(await temporaryFolder(t), 'data');
  await using store = await open(path, { zones: 3 });
  const stop = new AbortController();
  const onPhase = (phase: string) => phase === 'zone away' && stop.abort();
  await rejection(t, store.health.drill({ signal: stop.signal, onPhase }), 'ABORTED');
  for (let tries = 0; tries < 600 && !(await store.health.status()).ok; tries++)
    await new Promise((resolve) => setTimeout(resolve, 50));
  t.true((await store.health.status()).ok);
});
