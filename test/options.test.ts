// Options at the door.
import { getEventListeners } from 'node:events';
import test from 'ava';
import { StoreError } from '../lib/errors.ts';
import { checkOptions, checkSignal, hear, integerOption, nearest, unhear } from '../lib/options.ts';

const known = new Set(['contentType', 'metadata', 'signal']);

test('the nearest known option is named', (t) => {
  for (const [given, expected] of [
    ['contenttype', 'contentType'],
    ['contentTypes', 'contentType'],
    ['ContentType', 'contentType'],
    ['content-type', 'contentType'],
    ['metdata', 'metadata'],
    ['singal', 'signal'],
    ['xyz', undefined],
    ['somethingElse', undefined],
    ['', undefined],
  ] as const)
    t.is(nearest(given, known), expected, given);
});

test('options are plain objects of known names', (t) => {
  t.notThrows(() => checkOptions('put', {}, known));
  t.notThrows(() => checkOptions('put', { signal: undefined }, known));
  t.notThrows(() => checkOptions('put', Object.create(null), known));
  for (const bad of [null, undefined, 7, 'text', [], () => {}])
    t.throws(() => checkOptions('put', bad as never, known), { instanceOf: TypeError });
  const error = t.throws(() => checkOptions('put', { ['x'.repeat(1000)]: 1 }, known));
  t.true(StoreError.is(error, 'InvalidArgument'));
  t.true((error?.message.length ?? 0) < 200);
});

test('integers have bounds', (t) => {
  t.is(integerOption('call', 'n', undefined, 0), undefined);
  t.is(integerOption('call', 'n', 0, 0), 0);
  t.is(integerOption('call', 'n', Number.MAX_SAFE_INTEGER, 0), Number.MAX_SAFE_INTEGER);
  for (const bad of [-1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53])
    t.true(
      StoreError.is(
        t.throws(() => integerOption('call', 'n', bad, 0)),
        'InvalidArgument',
      ),
    );
  t.throws(() => integerOption('call', 'n', '1', 0), { instanceOf: TypeError });
  t.throws(() => integerOption('call', 'n', 1n, 0), { instanceOf: TypeError });
});

test('signals are signals, and fired ones stop the call', (t) => {
  t.notThrows(() => checkSignal('call', undefined));
  t.notThrows(() => checkSignal('call', new AbortController().signal));
  t.throws(() => checkSignal('call', {} as never), { instanceOf: TypeError });
  t.throws(() => checkSignal('call', null as never), { instanceOf: TypeError });
  t.throws(() => checkSignal('call', { aborted: false } as never), { instanceOf: TypeError });
  const error = t.throws(() => checkSignal('call', AbortSignal.abort('why')));
  t.true(StoreError.is(error, 'ABORTED'));
  t.is(error?.cause, 'why');
});

test('many calls share one listener of a signal, and none is left behind', (t) => {
  const controller = new AbortController();
  const { signal } = controller;
  const heard: number[] = [];
  const calls = Array.from({ length: 100 }, (_, i) => () => {
    heard.push(i);
    unhear(signal, calls[i + 1] as () => void); // As a body that takes another one with it.
  });
  for (const call of calls) hear(signal, call);
  t.is(getEventListeners(signal, 'abort').length, 1);
  for (const call of calls.slice(6)) unhear(signal, call);
  t.is(getEventListeners(signal, 'abort').length, 1);
  controller.abort();
  t.deepEqual(heard, [0, 2, 4]);
  for (const call of calls) unhear(signal, call);
  t.is(getEventListeners(signal, 'abort').length, 0);
  hear(undefined, () => {});
  unhear(undefined, () => {});
});
