// A thousand random calls beside the rules, with a process that is killed and one that closes; and
// an answer that the rules do not have is noticed.
import test from 'ava';
// @ts-expect-error A script without types.
import { everything, Lane } from '../../scripts/life/draw.mjs';
// @ts-expect-error A script without types.
import { Life } from '../../scripts/life/life.mjs';
// @ts-expect-error A script without types.
import { outcomeOf } from '../../scripts/life/rules.mjs';
import { Dice } from '../suite/support.ts';
import '../support/built-package.ts'; // The process runs what was built.
import { temporaryFolder } from '../support/temporary-folder.ts';

test('random calls answer what the rules say, and one that does not is found', async (t) => {
  const { seed } = new Dice();
  t.log(`seed ${seed}`);
  const folders = [await temporaryFolder(t)];
  const life = new Life({ folders, seed, lanes: 8, mix: everything });
  await life.session({ spells: [{ steps: 300 }, { steps: 300 }], kill: true, zones: 50 });
  await life.session({ spells: [{ steps: 400 }], zones: 50 });
  await life.end();
  t.deepEqual(life.faults, []);
  t.true(life.figures.operations >= 1000);
  t.true(life.figures.refusals > 0);

  // What is removed behind the back of the rules.
  const shared = [...life.rows.keys()].filter((row) => row.startsWith('o/shared/'));
  const keys = shared.map((row) => row.slice('o/shared/'.length));
  const wipe = { verb: 'removeMany', bucket: 'shared', keys };
  await life.session({ spells: [{ steps: 400 }], chores: [wipe] });
  t.true(life.faults.some(({ kind }: { kind: string }) => kind === 'mismatches'));
  life.faults.length = 0;
  await life.session({ spells: [] });
  t.true(life.faults.some(({ kind }: { kind: string }) => kind === 'lost'));
});

test('every kind of call is drawn, and every refusal that the rules have', (t) => {
  const rows = new Map<string, unknown>([['b/shared', {}]]);
  const dice = new Dice();
  t.log(`seed ${dice.seed}`);
  const lane = new Lane(1, everything, rows, (count: number) => dice.below(count), 'x');
  const seen = new Set<string>();
  for (let i = 0; i < 20_000; i++) {
    const step = lane.next();
    const { code, changes } = outcomeOf(rows, step);
    seen.add(code ?? step.verb);
    for (const [row, after] of changes ?? []) {
      const name = row.replace(/\?$/, i.toString(16).toUpperCase());
      if (after === null) rows.delete(name);
      else rows.set(name, { ...after, etag: after.etag ?? `"${i}"` });
    }
  }
  const expected = [
    ...['createBucket', 'deleteBucket', 'hasBucket', 'put', 'append', 'copy', 'move', 'remove'],
    ...['removeMany', 'setTags', 'deleteTags', 'tags', 'upload', 'part', 'complete', 'abort'],
    ...['parts', 'uploads', 'transaction', 'get', 'head', 'has', 'list'],
    ...['BucketAlreadyExists', 'BucketNotEmpty', 'EntityTooSmall', 'FileAlreadyExists'],
    ...['IncompleteBody', 'InvalidArgument', 'InvalidCRC64', 'InvalidObjectName', 'InvalidPart'],
    ...['InvalidPartOrder', 'InvalidRange', 'NoSuchBucket', 'NoSuchKey', 'NoSuchUpload'],
    ...['NotModified', 'ObjectNotAppendable', 'PositionNotEqualToLength', 'PreconditionFailed'],
    'TooManyTags',
  ];
  t.deepEqual([...seen].sort(), expected.sort());
});
