// What `ava --tap` says about each test.

/** @returns one entry per test, in the order they ended, with the failed one's details */
export function readTap(text) {
  const tests = [];
  for (const line of text.split('\n')) {
    const [, not, rest] = /^(not )?ok \d+ - (.*)$/.exec(line) ?? [];
    if (rest === undefined) {
      // What follows a failed test, until the next one: its YAML.
      if (tests.at(-1)?.outcome === 'failed' && /^\s/.test(line))
        tests.at(-1).details += `${line}\n`;
      continue;
    }
    const [title, directive] = rest.split(/ # (?=SKIP$|T[O]DO$)/);
    const outcome = directive ? 'skipped' : not ? 'failed' : 'passed';
    tests.push({ title, outcome, details: '' });
  }
  return tests;
}
