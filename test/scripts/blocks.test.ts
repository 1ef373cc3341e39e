// What a power cut may leave of a recorded disk, and what the judge says of what a store holds.
import test from 'ava';
// @ts-expect-error A script without types.
import * as planning from '../../scripts/blocks/plan.mjs';
// @ts-expect-error A script without types.
import * as recording from '../../scripts/blocks/recording.mjs';

interface Body {
  tag: string;
  size: number;
}
interface Step {
  id: number;
  kind: string;
  effects: [string, Body | null][];
  source?: string;
}
const bytesOf: (body: Body) => Buffer = planning.bytesOf;
const planOf: (seed: number, rounds: number) => Step[][] = planning.planOf;
const faultIn: (
  plan: Step[][],
  begun: Set<number>,
  acknowledged: Set<number>,
  found: Map<string, Buffer>,
) => string | null = planning.faultIn;
const statesOf: (
  recording: Buffer,
  size: number,
  random: (below: number) => number,
  options: { draws: number; lie?: number },
) => Iterable<{ disk: { bytes: Buffer; sum: bigint }; marks: string[] }> = recording.statesOf;

const block = 4096;
const entry = (kind: string, offset: number, bytes: Buffer): Buffer => {
  const head = Buffer.alloc(13);
  head.write(kind);
  head.writeBigUInt64LE(BigInt(offset), 1);
  head.writeUInt32LE(bytes.length, 9);
  return Buffer.concat([head, bytes]);
};
const write = (at: number, letters: string) =>
  entry('W', at * block, Buffer.concat([...letters].map((c) => Buffer.alloc(block, c))));
const flush = entry('F', 0, Buffer.alloc(0));
const mark = (text: string) => entry('M', 0, Buffer.from(`${text} `));

/** Each state as the first letter of each block, and what was told by then. */
function told(entries: Buffer[], draws = 0, lie = 1): string[] {
  let turn = 0;
  const random = (below: number) => turn++ % below; // Draws one unit, then not the next.
  const states = statesOf(Buffer.concat(entries), 4 * block, random, { draws, lie });
  const letter = (bytes: Buffer, i: number) => String.fromCharCode(bytes[i * block] || 46);
  return Array.from(states, ({ disk, marks }) =>
    [[0, 1, 2, 3].map((i) => letter(disk.bytes, i)).join(''), ...marks].join(' '),
  );
}

test('each write makes a state, and each mark one of what was flushed before it', (t) => {
  const entries = [write(0, 'x'), mark('start'), write(0, 'a'), mark('B0'), write(2, 'bc'), flush];
  t.deepEqual(told(entries), ['.... start', 'a... start', '.... start B0', 'a.bc start B0']);
});

test('before a flush any part of what was not flushed may be there, and all before it is', (t) => {
  const entries = [mark('start'), write(0, 'a'), flush, write(1, 'bcd'), flush];
  const drawn = told(entries, 20).slice(23);
  t.is(drawn.length, 20);
  t.true(drawn.every((state) => /^a[.b][.c][.d] start$/.test(state)));
  t.true(new Set(drawn).size > 2);
});

test('a disk that forgets its flushes keeps less than it says', (t) => {
  const entries = [mark('start'), write(0, 'a'), flush, mark('A0'), write(1, 'b'), flush];
  const kept = told(entries, 20, 2);
  t.true(kept.some((state) => state.startsWith('.') && state.endsWith('A0')));
});

test('the same disks have the same sum, others have others', (t) => {
  const sums = (entries: Buffer[]) =>
    Array.from(
      statesOf(Buffer.concat([mark('start'), ...entries]), 4 * block, () => 0, { draws: 0 }),
      ({ disk }) => disk.sum,
    );
  const [, a, ab] = sums([write(0, 'a'), write(1, 'b')]);
  const [, b, ba] = sums([write(1, 'b'), write(0, 'a')]);
  t.is(ab, ba);
  t.is(new Set([a, b, ab, sums([write(0, 'b'), write(1, 'a')])[2]]).size, 4);
});

const body = (tag: string) => ({ tag, size: 10 });
const plan = [
  [
    { id: 0, kind: 'put', effects: [['a', body('one')]] },
    { id: 1, kind: 'put', effects: [['b', body('two')]] },
  ],
  [
    {
      id: 2,
      kind: 'transaction',
      effects: [
        ['a', null],
        ['b', body('three')],
      ],
    },
  ],
] as Step[][];
const holds = (of: Record<string, string>) =>
  new Map(Object.entries(of).map(([key, tag]) => [key, bytesOf(body(tag))]));

for (const [what, begun, acknowledged, found, fault] of [
  ['what was told', [0, 1], [0, 1], { a: 'one', b: 'two' }, null],
  ['nothing yet', [], [], {}, null],
  ['a step in flight that did', [0, 1], [0], { a: 'one', b: 'two' }, null],
  ['a step in flight that did not', [0, 1], [0], { a: 'one' }, null],
  ['a lost object', [0, 1], [0, 1], { a: 'one' }, 'lost: b'],
  ['another body', [0, 1], [0, 1], { a: 'one', b: 'three' }, 'wrong: b'],
  ['an object that nobody began', [0], [0], { a: 'one', b: 'two' }, 'invented: b'],
  ['a transaction whole', [0, 1, 2], [0, 1], { b: 'three' }, null],
  ['a transaction not begun', [0, 1, 2], [0, 1], { a: 'one', b: 'two' }, null],
  ['half a transaction', [0, 1, 2], [0, 1], { a: 'one', b: 'three' }, 'torn: a, b'],
  ['what was removed', [0, 1, 2], [0, 1, 2], { a: 'one', b: 'three' }, 'resurrected: a'],
] as [string, number[], number[], Record<string, string>, string | null][]) {
  test(`the judge of ${what}`, (t) => {
    t.is(faultIn(plan, new Set(begun), new Set(acknowledged), holds(found)), fault);
  });
}

test('a plan is its seed, and the steps of a round touch no key in common', (t) => {
  t.deepEqual(planOf(3, 50), planOf(3, 50));
  t.notDeepEqual(planOf(3, 50), planOf(4, 50));
  for (const steps of planOf(5, 200)) {
    const keys = steps.flatMap((step) => [
      ...step.effects.map(([key]) => key),
      ...(step.source === undefined ? [] : [step.source]),
    ]);
    t.is(new Set(keys).size, keys.length);
  }
  const kinds = new Set(planOf(6, 200).flatMap((steps) => steps.map(({ kind }) => kind)));
  t.is(kinds.size, 7);
});
