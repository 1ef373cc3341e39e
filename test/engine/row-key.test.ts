// Row keys: their bytes, and that memcmp order is the order of UTF-8 text with versions behind.
import test from 'ava';
import {
  bucketRowKey,
  bucketRows,
  objectRowKey,
  objectRows,
  objectTextKey,
  ownObjectRowKey,
  successor,
} from '../../lib/engine/row-key.ts';

const id = Buffer.from('0102030405060708', 'hex');

test('bytes of row keys', (t) => {
  t.is(Buffer.from(bucketRowKey('docs')).toString('hex'), '62646f6373');
  t.is(
    Buffer.from(objectRowKey(id, 'aé')).toString('hex'),
    '6f010203040506070861c3a900ffffffffffffffff',
  );
  t.is(objectTextKey(id, 'a', 1).toString('hex'), '6f01020304050607086101');
  t.is(objectRowKey(id, '€'.repeat(341)).length, 9 + 1023 + 9);
});

test('scratch is overwritten by the next call, own memory is not', (t) => {
  const scratch = objectRowKey(id, 'a');
  const own = ownObjectRowKey(id, 'a');
  t.deepEqual(Buffer.from(own), Buffer.from(scratch));
  objectRowKey(id, 'b');
  t.is(own[9], 0x61);
  t.is(scratch[9], 0x62);
  t.not(own.buffer, scratch.buffer);
});

test('row keys sort as their texts do', (t) => {
  const texts = ['a', 'a\x01', 'a/', 'a/b', 'aa', 'b', 'é', '\uffff', '😀'];
  const keys = texts.map((text) => Buffer.from(ownObjectRowKey(id, text)));
  t.deepEqual([...keys].sort(Buffer.compare), keys);
  const { start, end } = objectRows(id, 'a');
  for (const [i, key] of keys.entries())
    t.is(
      Buffer.compare(start, key) <= 0 && Buffer.compare(key, end) < 0,
      texts[i]?.startsWith('a') ?? false,
    );
});

test('the successor is behind everything that begins alike', (t) => {
  for (const [bytes, next] of [
    ['61', '62'],
    ['61ff', '62'],
    ['61ffff', '62'],
    ['00', '01'],
    ['fe', 'ff'],
    ['ff', ''],
    ['', ''],
  ] as const)
    t.is(Buffer.from(successor(Buffer.from(bytes, 'hex'))).toString('hex'), next);
  const { end } = objectRows(Buffer.alloc(8, 0xff), '');
  t.is(Buffer.from(end).toString('hex'), '70');
  t.is(Buffer.from(bucketRows('').end).toString(), 'c');
});
