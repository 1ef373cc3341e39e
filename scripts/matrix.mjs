// Compares what the same tests said under several versions of Node.

/** The conformance suite runs once per engine: test/suite/ENGINE.test.ts. */
const suite = /^suite › ([^›]+) › /;

/**
 * @param runs each { name, passed, tests }
 * @returns a report to print, and whether the same tests ran under all that passed: one that broke
 *   off lacks hundreds, and has failed already
 */
export function compareRuns(runs) {
  const differences = findDifferences(runs.filter(({ passed }) => passed));
  const lines = [
    ...countTable(runs),
    ...skips(runs),
    ...differences,
    `${differences.length === 0 ? 'ok  ' : 'FAIL'} the same tests under each`,
  ];
  return { report: lines.join('\n'), same: differences.length === 0 };
}

function countTable(runs) {
  const engines = new Set(runs.flatMap(({ tests }) => tests.map(engineOf)).filter(Boolean));
  const rows = [
    ...[...engines]
      .sort()
      .map((engine) => [
        `conformance, ${engine}`,
        ...runs.map(({ tests }) => count(tests, (test) => engineOf(test) === engine)),
      ]),
    ['all tests', ...runs.map(({ tests }) => count(tests, () => true))],
  ];
  return [['', ...runs.map(({ name }) => name.replace(/,.*/, ''))], ...rows].map((row) =>
    row.map((cell, i) => (i === 0 ? cell.padEnd(26) : cell.padStart(20))).join(''),
  );
}

function engineOf({ title }) {
  return suite.exec(title)?.[1];
}

function count(tests, wanted) {
  const these = tests.filter(wanted);
  const skipped = these.filter(({ outcome }) => outcome === 'skipped').length;
  return skipped === 0 ? `${these.length}` : `${these.length} (${skipped} skipped)`;
}

function skips(runs) {
  return named(runs, ({ outcome }) => outcome === 'skipped').map(
    ([title, names]) => `skipped under ${names.join('; ')}: ${title}`,
  );
}

function findDifferences(runs) {
  return named(runs, () => true)
    .filter(([, names]) => names.length < runs.length)
    .map(([title, names]) => `FAIL only under ${names.join('; ')}: ${title}`);
}

/** [title, names of the runs in which it is wanted]... */
function named(runs, wanted) {
  const byTitle = new Map();
  for (const { name, tests } of runs) {
    for (const { title } of tests.filter(wanted)) {
      byTitle.set(title, [...(byTitle.get(title) ?? []), name]);
    }
  }
  return [...byTitle].sort(([a], [b]) => (a < b ? -1 : 1));
}
