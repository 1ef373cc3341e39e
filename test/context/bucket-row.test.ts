// The body of a bucket row: its bytes, and that damaged ones are refused.
import { randomBytes } from 'node:crypto';
import test from 'ava';
import { type BucketRow, decodeBucketRow, encodeBucketRow } from '../../lib/context/bucket-row.ts';
import { StoreError } from '../../lib/errors.ts';

const row: BucketRow = {
  id: Buffer.from('0102030405060708', 'hex'),
  created: 0x0000018bcfe56800,
  owner: 'root',
  storageClass: 'Standard',
  wrapped: Buffer.from('aabbcc', 'hex'),
  versioning: 'Unversioned',
};
// docs/format/rows.md shows these bytes.
const bytes = `01 00 0102030405060708 0068e5cf8b010000 04 726f6f74 0300 aabbcc`.replaceAll(' ', '');

test('bytes of a bucket row', (t) => {
  t.is(Buffer.from(encodeBucketRow(row)).toString('hex'), bytes);
  const decoded = decodeBucketRow(Buffer.from(bytes, 'hex'));
  t.deepEqual(
    { ...decoded, id: Buffer.from(decoded.id), wrapped: Buffer.from(decoded.wrapped) },
    row,
  );
  const other = { ...row, owner: 'ä'.repeat(100), storageClass: 'Archive' as const };
  t.like(decodeBucketRow(encodeBucketRow(other)), { owner: other.owner, storageClass: 'Archive' });
});

test('bytes of the row of a bucket that keeps events', (t) => {
  const keeps = { ...row, eventsKept: 10_000 };
  t.is(Buffer.from(encodeBucketRow(keeps)).toString('hex'), `${bytes}10270000`);
  t.is(decodeBucketRow(Buffer.from(`${bytes}10270000`, 'hex')).eventsKept, 10_000);
  t.false('eventsKept' in decodeBucketRow(Buffer.from(bytes, 'hex')));
  for (const rest of ['00', '1027', '102700', '1027000000'])
    t.true(
      StoreError.is(
        t.throws(() => decodeBucketRow(Buffer.from(bytes + rest, 'hex'))),
        'STORE_CORRUPT',
      ),
    );
});

test('bytes of the row of a bucket with versions', (t) => {
  const forms = [
    [{ ...row, versioning: 'Enabled' }, `02${bytes.slice(2)}01`],
    [{ ...row, versioning: 'Suspended' }, `02${bytes.slice(2)}02`],
    [{ ...row, versioning: 'Enabled', eventsKept: 10_000 }, `02${bytes.slice(2)}0110270000`],
  ] as const;
  for (const [given, said] of forms) {
    t.is(Buffer.from(encodeBucketRow(given)).toString('hex'), said);
    const { versioning, eventsKept, wrapped } = decodeBucketRow(Buffer.from(said, 'hex'));
    t.is(versioning, given.versioning);
    t.is(eventsKept, 'eventsKept' in given ? given.eventsKept : undefined);
    t.deepEqual(Buffer.from(wrapped), row.wrapped as Buffer);
  }
  for (const tail of ['', '00', '03', 'ff', '0110', '000010270000'])
    t.true(
      StoreError.is(
        t.throws(() => decodeBucketRow(Buffer.from(`02${bytes.slice(2)}${tail}`, 'hex'))),
        'STORE_CORRUPT',
      ),
    );
});

test('damaged bucket rows are refused, whatever the damage', (t) => {
  const good = Buffer.from(bytes, 'hex');
  for (let size = 0; size < good.length; size++)
    refused(t.throws(() => decodeBucketRow(good.subarray(0, size))));
  refused(t.throws(() => decodeBucketRow(Buffer.concat([good, Buffer.of(0)]))));
  const later = Buffer.from(good);
  later[0] = 3;
  t.true(
    StoreError.is(
      t.throws(() => decodeBucketRow(later)),
      'STORE_VERSION',
    ),
  );
  for (let i = 0; i < 2000; i++) {
    const noise = randomBytes(i % 60);
    noise[0] = 1 + (i % 2);
    try {
      decodeBucketRow(noise);
    } catch (error) {
      refused(error);
    }
  }

  function refused(error: unknown): void {
    t.true(StoreError.is(error, 'STORE_CORRUPT'));
  }
});
