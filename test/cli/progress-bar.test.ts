import test from 'ava';
import { ProgressBar, sizeText } from '../../lib/cli/progress-bar.ts';

function recorder(isTTY: boolean, columns = 80) {
  const written: string[] = [];
  return { isTTY, columns, written, write: (text: string) => written.push(text) };
}

test('draws bytes, rate and time left, and takes itself off the line', (t) => {
  const terminal = recorder(true);
  let now = 1000;
  const bar = new ProgressBar(terminal, 'put', 4096, () => now);
  now = 2000;
  bar.add(1024);
  bar.finish();
  t.deepEqual(terminal.written, [
    '\rput [######..................]  25 % 1.0 KiB/s, 3 s left\u001b[K',
    '\r\u001b[K',
  ]);
});

test('draws at most ten times a second', (t) => {
  const terminal = recorder(true);
  let now = 0;
  const bar = new ProgressBar(terminal, 'put', 1000, () => now);
  for (; now < 1000; now++) bar.add(1);
  t.is(terminal.written.length, 10);
});

test('draws nothing where there is no terminal', (t) => {
  const terminal = recorder(false);
  const bar = new ProgressBar(terminal, 'put', 10, () => 0);
  bar.add(10);
  bar.finish();
  t.deepEqual(terminal.written, []);
});

test('keeps to the width of its terminal; survives nothing to do and too much', (t) => {
  const narrow = recorder(true, 20);
  new ProgressBar(narrow, 'put', 0, () => 0).add(0);
  t.is(narrow.written[0]?.replace('\r', '').replace('\u001b[K', '').length, 19);
  const over = recorder(true);
  new ProgressBar(over, 'get', 10, () => 0).add(20);
  t.regex(over.written[0] ?? '', /\[#{24}\] 100 %/);
});

test('names sizes as people do', (t) => {
  t.deepEqual([0, 1023, 1024, 1536, 1024 ** 3].map(sizeText), [
    '0 B',
    '1023 B',
    '1.0 KiB',
    '1.5 KiB',
    '1.0 GiB',
  ]);
});
