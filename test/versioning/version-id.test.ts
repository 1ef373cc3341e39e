// Version ids: their text, its order, and what is none.
import test from 'ava';
import { StoreError } from '../../lib/errors.ts';
import { encodeVersionId, parseVersionId } from '../../lib/versioning/version-id.ts';

test('ids sort as their versions do, and come back', (t) => {
  const versions = [1, 9, 10, 15, 16, 255, 256, 2 ** 32, Number.MAX_SAFE_INTEGER];
  const ids = versions.map(encodeVersionId);
  t.is(ids[0], '0000000000000001');
  t.deepEqual([...ids].sort(), ids);
  t.deepEqual(
    ids.map((id) => parseVersionId('get', id)),
    versions,
  );
  t.is(encodeVersionId(null), 'null');
  t.is(parseVersionId('get', 'null'), null);
});

test('what is no id is refused', (t) => {
  const texts = ['', ' null', 'Null', '1', 'g'.repeat(16), 'F'.repeat(16), '0'.repeat(16)];
  for (const text of [...texts, '0'.repeat(17), `0000000000000001\n`, '0020000000000000'])
    t.true(
      StoreError.is(
        t.throws(() => parseVersionId('get', text)),
        'InvalidArgument',
      ),
      text,
    );
  for (const text of [1, null, undefined, {}])
    t.throws(() => parseVersionId('get', text as never), { instanceOf: TypeError });
});
