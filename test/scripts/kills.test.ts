// A few processes are killed amid their work on a store, and nothing is lost; and whatever would be
// lost, torn or back again is noticed.
import { renameSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
// @ts-expect-error A script without types.
import { underLoad } from '../../scripts/life/draw.mjs';
// @ts-expect-error A script without types.
import * as judging from '../../scripts/life/judge.mjs';
// @ts-expect-error A script without types.
import { Life as UntypedLife } from '../../scripts/life/life.mjs';
// @ts-expect-error A script without types.
import * as rules from '../../scripts/life/rules.mjs';
import '../support/built-package.ts'; // The process runs what was built.
import { temporaryFolder } from '../support/temporary-folder.ts';

type Row = Record<string, unknown> & { pieces?: { tag: string; size: number }[] };
type Fault = { kind: string; row?: string; what?: string };
interface Life {
  readonly rows: Map<string, Row>;
  readonly faults: Fault[];
  readonly figures: Record<'acked' | 'crashes' | 'inFlight', number>;
  session(plan: { spells: { ms: number }[]; kill?: boolean; zones?: number }): Promise<void>;
  end(): Promise<void>;
}
const faultsIn: (
  rows: Map<string, Row>,
  pending: [string, Row | null][][],
  found: Map<string, Row>,
) => Fault[] = judging.faultsIn;

async function lifeIn(t: ExecutionContext): Promise<{ life: Life; folder: string }> {
  const folder = await temporaryFolder(t);
  const seed = Math.floor(Math.random() * 2 ** 31);
  t.log(`seed ${seed}`);
  return { life: new UntypedLife({ folders: [folder], seed, lanes: 8, mix: underLoad }), folder };
}

/** A process that finds what is there. @returns what it says, in words, and forgets it */
async function look(life: Life): Promise<string[]> {
  await life.session({ spells: [] });
  return life.faults.splice(0).map(({ kind, what }) => `${kind} ${what}`);
}

test('what was acknowledged to processes that are killed is there; a lie is found', async (t) => {
  const { life, folder } = await lifeIn(t);
  for (let i = 0; i < 3; i++) await life.session({ spells: [{ ms: 150 }], kill: true, zones: 50 });
  t.deepEqual(life.faults, []);
  t.is(life.figures.crashes, 3);
  t.true(life.figures.acked > 20);
  await life.end();
  t.deepEqual(life.faults, []);

  const truth = new Map(life.rows);
  const [name = '', object] = [...truth].find(([, { pieces }]) => pieces?.length) ?? [];
  const bytes = [{ tag: 'others', size: 10 }];
  life.rows.set('o/shared/never', object as Row);
  t.deepEqual(await look(life), ['lost o/shared/never']);
  life.rows.delete('o/shared/never');
  life.rows.set(name, { ...object, pieces: bytes });
  t.deepEqual(await look(life), [`lost ${name}`]);
  life.rows.delete(name);
  t.deepEqual(await look(life), [`resurrected ${name}`]);
  life.rows.set(name, object as Row);
  t.deepEqual(await look(life), []);

  // Two zones of three.
  for (const zone of [1, 2]) renameSync(join(folder, `zone-${zone}`), join(folder, `${zone}`));
  t.regex((await look(life)).join(), /^failedOpen /);
});

const put = (tag: string, etag: string | null = null): Row => ({
  ...{ pieces: [{ tag, size: 10 }], etag },
  ...{ type: 'Normal', tags: {}, metadata: {} },
});
const holds = (of: Record<string, Row>): Map<string, Row> =>
  new Map(
    Object.entries(of).map(([name, row]): [string, Row] => {
      if (!row.pieces) return [name, row];
      const { pieces, ...rest } = row;
      return [name, { ...rest, size: 10, hash: rules.hashOfPieces({ pieces }) }];
    }),
  );
const [one, two, three] = [put('one', '"1"'), put('two', '"2"'), put('three')];
const told = { a: one, b: two };
/** Puts another body at a and takes b away. */
const both: [string, Row | null][][] = [
  [
    ['a', three],
    ['b', null],
  ],
];

for (const [what, pending, found, faults] of [
  ['what was told', [], told, []],
  ['a call in flight that did not', both, told, []],
  ['a call in flight that did', both, { a: { ...three, etag: '"3"' } }, []],
  ['half a call', both, { a: { ...three, etag: '"3"' }, b: two }, ['torn a, b']],
  ['a lost object', [], { a: one }, ['lost b']],
  ['the bytes of another', [], { a: one, b: { ...three, etag: '"2"' } }, ['lost b']],
  ['another label', [], { a: one, b: { ...two, etag: '"3"' } }, ['lost b']],
  ['other tags', [], { a: one, b: { ...two, tags: { x: 'y' } } }, ['lost b']],
  ['an object that nobody put', [], { ...told, c: three }, ['resurrected c']],
  [
    'an upload that nobody was told of',
    [[['u/x/?', { key: 'k' }]]],
    { ...told, 'u/x/7': { key: 'k' } },
    [],
  ],
  ['an upload that nobody began', [], { ...told, 'u/x/7': { key: 'k' } }, ['resurrected u/x/7']],
] as [string, [string, Row | null][][], Record<string, Row>, string[]][]) {
  test(`the judge of ${what}`, (t) => {
    const judged = faultsIn(new Map(Object.entries(told)), pending, holds(found));
    t.deepEqual(
      judged.map(({ kind, row }) => `${kind} ${row}`),
      faults,
    );
  });
}
