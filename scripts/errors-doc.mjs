// Writes docs/errors.md from the table in lib/errors.ts; test/errors.test.ts checks for drift.
//   node --import tsx scripts/errors-doc.mjs
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** The page, from the table of codes. */
export function errorsDoc(codes) {
  const names = Object.keys(codes);
  const oss = names.filter((code) => !isEngineCode(code)).sort();
  const engine = names.filter(isEngineCode).sort();
  return `${[
    '# Errors',
    '',
    'Every error that strongroom throws on purpose is a `StoreError` with a `code` from this page,',
    'or a `TypeError` when an argument has the wrong JavaScript type. `code` is stable across',
    'major versions; messages are not. `name` is the code and `Error` (`NoSuchBucketError`; for',
    '`ABORTED` it is `AbortError`). `retryable`: the same call, unchanged, may succeed later.',
    '',
    '```ts',
    "import { openMemory, StoreError } from 'strongroom';",
    '',
    'await using store = await openMemory({ autoCreateBuckets: false });',
    'try {',
    "  await store.bucket('docs').put('a.txt', 'hi');",
    '} catch (error) {',
    "  if (StoreError.is(error, 'NoSuchBucket')) console.log(error.status, error.hint);",
    '}',
    '```',
    '',
    'This page is generated from `lib/errors.ts` by `scripts/errors-doc.mjs`.',
    '',
    '## Codes of OSS',
    '',
    'Spelled as OSS spells them.',
    '',
    ...oss.flatMap((code) => entry(code, codes[code])),
    '## Codes of the engine',
    '',
    'Conditions that OSS has no code for.',
    '',
    ...engine.flatMap((code) => entry(code, codes[code])),
  ]
    .join('\n')
    .trimEnd()}\n`;
}

function isEngineCode(code) {
  return code === code.toUpperCase();
}

function entry(code, { status, retry, text, hint }) {
  const sentence = text.charAt(0).toUpperCase() + text.slice(1);
  const again = retry ? 'retryable' : 'not retryable';
  return [`### ${code}`, '', `${sentence}.`, hint, '', `Status ${status}, ${again}.`, ''];
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { codes } = await import('../lib/errors.ts');
  writeFileSync(new URL('../docs/errors.md', import.meta.url), errorsDoc(codes));
}
