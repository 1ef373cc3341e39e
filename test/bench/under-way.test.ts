// A figure of a disturbed store counts only where the disturbance went on all the while: what the
// bench takes for that, stage by stage.
import test from 'ava';
import type { HealthStatus } from 'strongroom';
import { lookAt, type Stage, type UnderWay, wentOn } from '../../bench/rig/under-way.ts';

type Scrub = NonNullable<HealthStatus['scrub']>;
type Zone = Pick<HealthStatus['zones'][number], 'state' | 'inSet' | 'reason'>;

const gone = 'open zone-3/superblock: No such file or directory';

function statusOf(zone: Zone, scrub: HealthStatus['scrub'] = null): HealthStatus {
  return { zones: [{ number: 3, id: '', path: '', ...zone }], scrub } as unknown as HealthStatus;
}

function scrubAt(checkedBytes: number, more: Partial<Scrub> = {}): Scrub {
  const begun = { bytesPerSecond: 1, startedAt: new Date(0), found: 0, healed: 0 };
  return { ...begun, rounds: 0, checkedBytes, lastFinding: null, failure: null, ...more };
}

const zones: [string, Zone, Stage][] = [
  ['one that is whole', { state: 'ok', inSet: true }, 'whole'],
  ['one that gets its cells', { state: 'healing', inSet: true }, 'cells'],
  ['a walk that waits for its next try', { state: 'healing', inSet: true, reason: 'x' }, 'idle'],
  ['one that is not there', { state: 'unavailable', inSet: false, reason: gone }, 'away'],
  ['one that gets its log', { state: 'stale', inSet: false, reason: gone }, 'records'],
  ['a copy that waits for its next try', { state: 'stale', inSet: false, reason: 'x' }, 'idle'],
];
for (const [what, zone, stage] of zones)
  test(`the stage of a zone: ${what}`, (t) => {
    t.is(lookAt(statusOf(zone), 3, gone).stage, stage);
  });

test('a zone that the store does not have is a mistake of the bench', (t) => {
  t.throws(() => lookAt(statusOf({ state: 'ok', inSet: true }), 2, gone), { message: /zone 2/ });
});

const cells: UnderWay = { stage: 'cells', scrub: false };
const scrubbed: UnderWay = { stage: 'whole', scrub: true };
const look = (stage: Stage, scrub: Scrub | null = null) => ({ stage, scrub });

test('a catch-up went on when it did so before and after', (t) => {
  t.true(wentOn(cells, look('cells'), look('cells')));
  t.false(wentOn(cells, look('records'), look('cells')));
  t.false(wentOn(cells, look('cells'), look('whole')));
  t.false(wentOn(cells, look('cells'), look('idle')));
});

test('a scrub that nobody asked for disturbs, before and after', (t) => {
  t.false(wentOn(cells, look('cells', scrubAt(1)), look('cells')));
  t.false(wentOn(cells, look('cells'), look('cells', scrubAt(1))));
});

test('a scrub went on when it read, in one round that did not fail', (t) => {
  const before = look('whole', scrubAt(10));
  t.true(wentOn(scrubbed, before, look('whole', scrubAt(11))));
  t.false(wentOn(scrubbed, before, look('whole', scrubAt(10))));
  t.false(wentOn(scrubbed, before, look('whole', scrubAt(11, { rounds: 1 }))));
  t.false(wentOn(scrubbed, before, look('whole', scrubAt(11, { failure: 'x' }))));
  t.false(wentOn(scrubbed, before, look('whole')));
  t.false(wentOn(scrubbed, look('whole'), look('whole', scrubAt(11))));
  t.false(wentOn(scrubbed, before, look('cells', scrubAt(11))));
});
