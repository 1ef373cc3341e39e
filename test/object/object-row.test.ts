// The body of an object row: its bytes, what is stepped over, and that damaged ones are refused.
import { randomBytes } from 'node:crypto';
import test from 'ava';
import { StoreError } from '../../lib/errors.ts';
import {
  asVersion,
  copiedRow,
  decodeObjectRow,
  encodeMarkerRow,
  encodeObjectRow,
  encodeSymlinkRow,
  isMarker,
  isNumbered,
  isSymlink,
  typeOf,
  withChecksums,
  withTags,
} from '../../lib/object/object-row.ts';

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

// docs/format/rows.md shows these bytes.
const bytes =
  '01 00 00  01 0300 612f62  06 0800 0068e5cf8b010000  07 0900 01 78 0100 31 01 79 0000' +
  '  08 0500 01 6b 0100 76  09 0600 04 04 cbf43926';

test('bytes of an object row', (t) => {
  t.is(hex(encodeObjectRow('put', undefined, '')), '010000');
  t.is(hex(encodeObjectRow('put', { metadata: {}, tags: {} }, '')), '010000');
  const options = {
    contentType: 'a/b',
    expires: new Date(0x0000018bcfe56800),
    metadata: { y: '', X: '1' },
    tags: { k: 'v' },
  };
  const digests = new Map([['crc32' as const, Buffer.from('cbf43926', 'hex')]]);
  const row = withChecksums(encodeObjectRow('put', options, 'ignored'), digests);
  t.is(hex(row), bytes.replaceAll(' ', ''));
  t.deepEqual(decodeObjectRow(row), {
    contentType: 'a/b',
    expires: options.expires,
    metadata: { x: '1', y: '' },
    tags: { k: 'v' },
    checksums: { crc32: 'cbf43926' },
  });
  t.deepEqual(decodeObjectRow(Buffer.of(1, 0, 0)), { metadata: {}, tags: {}, checksums: {} });
});

test('bytes of the row of a link', (t) => {
  const row = encodeSymlinkRow('symlink', { contentType: 'a/b' }, 'é');
  t.is(hex(row), '010300 010300612f62 0a0200c3a9'.replaceAll(' ', ''));
  t.is(decodeObjectRow(row).symlinkTarget, 'é');
  t.true(isSymlink(row));
  t.is(typeOf(row), 'Symlink');
  t.false(isSymlink(encodeObjectRow('put', undefined, '')));
  t.throws(() => typeOf(Buffer.of(1, 5, 0)), { code: 'STORE_CORRUPT' });
});

test('bytes of versions with an id of their own, and of markers', (t) => {
  const plain = encodeObjectRow('put', undefined, '');
  const numbered = asVersion(plain, { numbered: true });
  t.is(hex(numbered), '018000');
  t.is(hex(plain), '010000');
  t.is(asVersion(plain, { numbered: false }), plain);
  t.is(asVersion(numbered, { numbered: true }), numbered);
  t.is(hex(asVersion(numbered, { numbered: false })), '010000');
  t.is(hex(encodeMarkerRow({ numbered: false })), '010400');
  t.is(hex(encodeMarkerRow({ numbered: true })), '018400');
  t.true(isMarker(Buffer.of(1, 0x84, 0)));
  t.false(isMarker(numbered));
  const link = asVersion(encodeSymlinkRow('symlink', undefined, 'x'), { numbered: true });
  t.true(isSymlink(link));
  t.true(isNumbered(link));
  t.is(typeOf(link), 'Symlink');
  // Other tags are no other version; a copy is one.
  t.true(isNumbered(withTags(link, new Uint8Array())));
  const header = encodeObjectRow('copy', undefined, '');
  t.false(isNumbered(copiedRow(link, header, { metadata: false, tags: false })));
  t.throws(() => typeOf(Buffer.of(1)), { code: 'STORE_CORRUPT' });
});

test('the largest row fits an engine', (t) => {
  const text = 'x'.repeat(2048);
  const options = {
    contentType: text,
    contentEncoding: text,
    contentDisposition: text,
    contentLanguage: text,
    cacheControl: text,
    expires: new Date(),
    metadata: { a: 'x'.repeat(8191) },
    tags: Object.fromEntries(
      Array.from({ length: 10 }, (_, i) => [`${i}`.padEnd(128, 'x'), 'x'.repeat(256)]),
    ),
  };
  t.true(encodeObjectRow('put', options, '').length < 65_536);
});

test('fields of later versions are stepped over', (t) => {
  const later = Buffer.from('010000 010300612f62 63 0200 0102'.replaceAll(' ', ''), 'hex');
  t.is(decodeObjectRow(later).contentType, 'a/b');
});

test('damaged object rows are refused, whatever the damage', (t) => {
  const good = Buffer.from(bytes.replaceAll(' ', ''), 'hex');
  const whole = new Set([3, 9, 20, 32, 40, good.length]);
  for (let size = 0; size <= good.length; size++) {
    const cut = good.subarray(0, size);
    if (whole.has(size)) t.notThrows(() => decodeObjectRow(cut));
    else refused(t.throws(() => decodeObjectRow(cut), undefined, String(size)));
  }
  t.true(
    StoreError.is(
      t.throws(() => decodeObjectRow(Buffer.of(2, 0, 0))),
      'STORE_VERSION',
    ),
  );
  for (let i = 0; i < 5000; i++) {
    const noise = randomBytes(i % 40);
    noise[0] = 1;
    if (noise.length > 3) noise[3] = 1 + (i % 10);
    try {
      decodeObjectRow(noise);
    } catch (error) {
      refused(error);
    }
  }

  function refused(error: unknown): void {
    t.true(StoreError.is(error, 'STORE_CORRUPT'), String(error));
  }
});
