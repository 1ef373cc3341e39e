// Plants mistakes (native/hash/planted_main_test.cc) in what a sanitizer watches and proves that it
// reports them: a tool that is silent about everything would pass every test.
import { spawnSync } from 'node:child_process';
import { cleanEnvironment } from './tool.mjs';

// Each report must name the file in which the mistake shows, and its line: a build whose core is
// not instrumented, or without symbols, is of no use.
const reports = {
  overflow: /ERROR: AddressSanitizer: heap-buffer-overflow.*?native\/(hash\/xxh64\.cc:\d+)/s,
  undefined: /(planted_main_test\.cc:\d+):\d+: runtime error: signed integer overflow/,
  leak: /Direct leak of \d+ byte.*?native\/(hash\/planted\w+\.cc:\d+)/s,
  race: /WARNING: ThreadSanitizer: data race.*?native\/(hash\/xxh64\.cc:\d+)/s,
};

/**
 * @param run makes one planted mistake, by name
 * @returns whether every one of `mistakes` was reported and ended its process with an error
 */
export function arePlantedReported(mistakes, run) {
  const results = mistakes.map((mistake) => {
    const { status, report } = run(mistake);
    const place = reports[mistake].exec(report)?.[1];
    const reported = place !== undefined && status !== 0;
    if (!reported) console.error(report);
    const word = reported ? `reported in ${place}` : `not reported (exit code ${status})`;
    console.log(`${reported ? 'ok  ' : 'FAIL'} planted ${mistake}: ${word}`);
    return reported;
  });
  return results.every(Boolean);
}

/** Makes them in the program that holds nothing else. */
export function planterOf(program, options) {
  return (mistake) => {
    const { status, stderr } = spawnSync(program, [mistake], {
      encoding: 'utf8',
      env: cleanEnvironment(options),
    });
    return { status, report: String(stderr) };
  };
}
