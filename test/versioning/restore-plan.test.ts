// What brings a key back to a moment.
import test from 'ava';
import { planRestore, type RestorableVersion } from '../../lib/versioning/restore-plan.ts';

const object = (id: string): RestorableVersion => ({ id, isMarker: false });
const marker = (id: string): RestorableVersion => ({ id, isMarker: true });
const never = () => false;
const always = () => true;

test('a key goes back to what stood, by one version more or none', (t) => {
  const [a, b, m, n] = [object('1'), object('2'), marker('3'), marker('4')];
  const again = { action: 'restore', id: '1' };
  const rows: [now: RestorableVersion, then: RestorableVersion | null, step: object][] = [
    [b, null, { action: 'delete' }],
    [b, m, { action: 'delete' }],
    [b, a, again],
    [b, b, { action: 'leave' }],
    [m, null, { action: 'leave' }],
    [m, n, { action: 'leave' }],
    [m, m, { action: 'leave' }],
    [m, a, again],
  ];
  for (const [now, then, step] of rows) t.deepEqual(planRestore(now, then, never), step as never);
});

test('what was restored already is left', (t) => {
  t.deepEqual(planRestore(object('2'), object('1'), always), { action: 'leave' });
  const again = { action: 'restore', id: '1' } as const;
  t.deepEqual(planRestore(marker('2'), object('1'), always), again);
});
