// Every state of versioning and every verb: the whole table, and its ends in words.
import test from 'ava';
import {
  hangsOnStanding,
  nextVersion,
  type Standing,
  standsAgain,
  type VersioningState,
  type WriteVerb,
} from '../../lib/versioning/next-version.ts';

const states: VersioningState[] = ['Unversioned', 'Enabled', 'Suspended'];
const verbs: WriteVerb[] = ['put', 'append', 'remove'];
const standings: Standing[] = ['nothing', 'null', 'numbered'];

test('the table of next versions', (t) => {
  const table: string[] = [];
  for (const state of states)
    for (const verb of verbs)
      for (const standing of standings) {
        const next = nextVersion(state, verb, standing);
        const said = Object.entries(next).flatMap(([name, is]) =>
          is === true ? [name] : is === false || is === 'none' ? [] : [`${name}(${is})`],
        );
        table.push(`${state} ${verb} ${standing}: ${said.join(' ')}`.trimEnd());
      }
  t.deepEqual(table, [
    'Unversioned put nothing:',
    'Unversioned put null:',
    'Unversioned put numbered:',
    'Unversioned append nothing:',
    'Unversioned append null:',
    'Unversioned append numbered:',
    'Unversioned remove nothing:',
    'Unversioned remove null:',
    'Unversioned remove numbered:',
    'Enabled put nothing: numbered keepOld',
    'Enabled put null: numbered keepOld',
    'Enabled put numbered: numbered keepOld',
    'Enabled append nothing: dropNull(marker)',
    'Enabled append null:',
    'Enabled append numbered: keepOld dropNull(marker)',
    'Enabled remove nothing: marker numbered keepOld',
    'Enabled remove null: marker numbered keepOld',
    'Enabled remove numbered: marker numbered keepOld',
    'Suspended put nothing: dropNull(any)',
    'Suspended put null:',
    'Suspended put numbered: keepOld dropNull(any)',
    'Suspended append nothing: dropNull(any)',
    'Suspended append null:',
    'Suspended append numbered: keepOld dropNull(any)',
    'Suspended remove nothing: marker dropNull(any)',
    'Suspended remove null: marker',
    'Suspended remove numbered: marker keepOld dropNull(any)',
  ]);
});

test('what a decision hangs on is said before', (t) => {
  for (const state of states)
    for (const verb of verbs) {
      const decisions = standings.map((standing) => nextVersion(state, verb, standing));
      const differ = decisions.some(
        (each) => JSON.stringify(each) !== JSON.stringify(decisions[0]),
      );
      t.is(hangsOnStanding(state, verb), differ, `${state} ${verb}`);
    }
});

test('a version with an id of its own is lost by no verb once versions are kept', (t) => {
  for (const state of ['Enabled', 'Suspended'] as const)
    for (const verb of verbs) t.true(nextVersion(state, verb, 'numbered').keepOld);
});

test('what is behind the newest stands again, unless it is a marker', (t) => {
  t.true(standsAgain({ isMarker: false }));
  t.false(standsAgain({ isMarker: true }));
});
