// The table of codes, the error class, and that docs/errors.md says what the table says.
import { readFileSync } from 'node:fs';
import test from 'ava';
import { codes, type ErrorCode, StoreError } from '../lib/errors.ts';

const names = Object.keys(codes) as ErrorCode[];

test('every code makes a complete error', (t) => {
  for (const code of names) {
    const error = new StoreError(code);
    t.is(error.code, code);
    t.is(error.name, code === 'ABORTED' ? 'AbortError' : `${code}Error`);
    t.is(error.message, codes[code].text);
    t.is(error.status, codes[code].status);
    t.is(error.retryable, codes[code].retry);
    t.true(error.hint.includes(`docs/errors.md#${code.toLowerCase()}`));
    t.true(error instanceof Error);
    t.regex(error.requestId, /^[0-9A-F]{24}$/);
    t.true(error.stack?.startsWith(`${error.name}: `));
    t.regex(codes[code].text, /^[^A-Z].*[^.]$/);
    t.regex(codes[code].hint, /^[A-Z0-9`{].*\.$/);
  }
});

test('facts come last and cannot forge lines', (t) => {
  const error = new StoreError('InvalidRange', 'too far', { bucket: 'docs', key: 'a\n"b"' });
  t.is(error.message, 'too far bucket=docs key="a\\n\\"b\\""');
  t.is(error.key, 'a\n"b"');
  t.is(error.bucket, 'docs');
  t.false('key' in new StoreError('InvalidRange'));
});

test('request ids differ', (t) => {
  const ids = new Set(Array.from({ length: 1000 }, () => new StoreError('ABORTED').requestId));
  t.is(ids.size, 1000);
});

test('toJSON is plain and tells of the cause no more than its message', (t) => {
  const cause = Object.assign(new Error('EIO'), { secret: 'secret' });
  const error = new StoreError('STORE_IO', undefined, { cause, bucket: 'docs' });
  t.is(error.cause, cause);
  const json = JSON.parse(JSON.stringify(error));
  t.like(json, {
    name: 'STORE_IOError',
    code: 'STORE_IO',
    status: 500,
    cause: 'EIO',
    bucket: 'docs',
  });
  t.false(JSON.stringify(json).includes('secret'));
});

test('StoreError.is narrows, also across copies of the package', async (t) => {
  const error: unknown = new StoreError('NoSuchBucket');
  t.true(StoreError.is(error));
  t.true(StoreError.is(error, 'ABORTED', 'NoSuchBucket'));
  t.false(StoreError.is(error, 'ABORTED'));
  for (const other of [null, undefined, 'NoSuchBucket', new Error('x'), { code: 'NoSuchBucket' }])
    t.false(StoreError.is(other));
  const copy = (await import(
    `../lib/errors.ts?copy=${Date.now()}`
  )) as typeof import('../lib/errors.ts');
  t.not(copy.StoreError, StoreError);
  t.true(StoreError.is(new copy.StoreError('ABORTED'), 'ABORTED'));
});

test('docs/errors.md says what the table says', async (t) => {
  const script = '../scripts/errors-doc.mjs';
  const { errorsDoc } = (await import(script)) as { errorsDoc(table: typeof codes): string };
  const page = readFileSync(new URL('../docs/errors.md', import.meta.url), 'utf8');
  t.is(page, errorsDoc(codes), 'run: node --import tsx scripts/errors-doc.mjs');
});
