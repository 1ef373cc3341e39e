// What the tests said under several versions of Node, and when that is not the same.
import test from 'ava';

type Outcome = 'passed' | 'failed' | 'skipped';
type Run = {
  name: string;
  passed: boolean;
  tests: { title: string; outcome: Outcome; details: string }[];
};
const [matrix, tap] = ['../../scripts/matrix.mjs', '../../scripts/tap.mjs'];
const { compareRuns } = (await import(matrix)) as {
  compareRuns(runs: Run[]): { report: string; same: boolean };
};
const { readTap } = (await import(tap)) as { readTap(text: string): Run['tests'] };

const run = (name: string, ...titles: string[]): Run => ({
  name,
  passed: true,
  tests: titles.map((title) => ({
    title: title.replace(/^skip /, ''),
    outcome: title.startsWith('skip ') ? 'skipped' : 'passed',
    details: '',
  })),
});

test('each test of TAP is read, with what is said of a failed one', (t) => {
  const text = `TAP version 13
ok 1 - suite › memory › memory engine: ranges # of parts
not ok 2 - store › open › opens
  ---
    name: AssertionError
    message: 'ok 3 - not a test'
  ...
ok 3 - bench › measures # SKIP
not ok 4 - later # ${'TO'}DO

1..4
# tests 3
`;
  t.deepEqual(
    readTap(text).map(({ title, outcome }) => [title, outcome]),
    [
      ['suite › memory › memory engine: ranges # of parts', 'passed'],
      ['store › open › opens', 'failed'],
      ['bench › measures', 'skipped'],
      ['later', 'skipped'],
    ],
  );
  t.regex(readTap(text)[1]?.details ?? '', /AssertionError/);
});

test('the same tests are the same, and those of the suite are counted by engine', (t) => {
  const titles = ['suite › memory › a', 'suite › memory › b', 'suite › one-zone › a', 'store › c'];
  const { report, same } = compareRuns([run('Node 20', ...titles), run('Node 22', ...titles)]);
  t.true(same);
  t.regex(report, /^conformance, memory +2 +2$/m);
  t.regex(report, /^conformance, one-zone +1 +1$/m);
  t.regex(report, /^all tests +4 +4$/m);
});

test('a test that one Node lacks is a difference, however many the others have', (t) => {
  const { report, same } = compareRuns([run('Node 20', 'a', 'b'), run('Node 22', 'a', 'c')]);
  t.false(same);
  t.regex(report, /^FAIL only under Node 20: b$/m);
  t.regex(report, /^FAIL only under Node 22: c$/m);
});

test('a run that broke off is compared with none', (t) => {
  const broken = { ...run('Node 24', 'a'), passed: false };
  const { report, same } = compareRuns([
    run('Node 20', 'a', 'b'),
    broken,
    run('Node 22', 'a', 'b'),
  ]);
  t.true(same);
  t.regex(report, /^all tests +2 +1 +2$/m);
});

test('a skipped test is named, and counts as being there', (t) => {
  const { report, same } = compareRuns([run('Node 20', 'a', 'skip b'), run('Node 22', 'a', 'b')]);
  t.true(same);
  t.regex(report, /^skipped under Node 20: b$/m);
  t.regex(report, /^all tests +2 \(1 skipped\) +2$/m);
});
