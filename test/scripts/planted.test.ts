// When a sanitizer counts as fit to judge: it must have named the planted mistake and its place.
import test from 'ava';

const script = '../../scripts/planted.mjs';
type Run = (mistake: string) => { status: number | null; report: string };
const { arePlantedReported } = (await import(script)) as {
  arePlantedReported(mistakes: string[], run: Run): boolean;
};
const judge = (report: string, status = 1) =>
  arePlantedReported(['race'], () => ({ status, report }));
const race = `WARNING: ThreadSanitizer: data race (pid=1)
  Read of size 8 at 0x7b08 by thread T1:
    #0 strongroom::hash::Xxh64(...) /x/native/hash/xxh64.cc:31 (strongroom_planted+0x1)`;

test.before(() => {
  console.log = () => {};
  console.error = () => {};
});

test('a race named in the core is what is wanted', (t) => {
  t.true(judge(race));
});

test('silence is not', (t) => {
  t.false(judge('', 0));
});

test('nor is a report that lets its process pass', (t) => {
  t.false(judge(race, 0));
});

test('nor is a core without instruments or symbols', (t) => {
  t.false(judge('WARNING: ThreadSanitizer: data race (pid=1)\n    #0 memset <null> (libtsan.so)'));
});

test('one unreported mistake among many is enough', (t) => {
  const run: Run = (mistake) => ({ status: 1, report: mistake === 'race' ? race : '' });
  t.false(arePlantedReported(['race', 'leak'], run));
});
