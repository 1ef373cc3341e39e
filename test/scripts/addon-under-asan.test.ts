// Which parts of a sanitizer's report are findings in the addon.
import test from 'ava';

const script = '../../scripts/addon-under-asan.mjs';
const { findingsIn } = (await import(script)) as { findingsIn(report: string): string[] };

const rule = '='.repeat(65);
const leak = (frames: string, kind = 'Direct') => `
${kind} leak of 8 byte(s) in 1 object(s) allocated from:
    #0 0x1 in operator new(unsigned long) (/lib/libasan.so.8+0x1)
${frames}
    #9 0x2 in main (/usr/bin/node+0x2)
`;
const leaks = (...each: string[]) => `
${rule}
==1==ERROR: LeakSanitizer: detected memory leaks
${each.join('')}
SUMMARY: AddressSanitizer: ${8 * each.length} byte(s) leaked in ${each.length} allocation(s).
`;
const nodes = leak('    #1 0x3 in node::Start() (/usr/bin/node+0x3)');
const ours = leak('    #1 0x4 in EngineWrap::Open() ../../native/binding/engine_wrap.cc:44');
const withoutSymbols = leak('    #1 0x4 in f (/x/out/asan/Debug/strongroom.node+0x4)');
const overflow = `${rule}
==1==ERROR: AddressSanitizer: heap-buffer-overflow on address 0x1
READ of size 8 at 0x1 thread T0
    #0 0x5 in memcpy (/lib/libasan.so.8+0x5)

SUMMARY: AddressSanitizer: heap-buffer-overflow in memcpy`;
const undefinedBehaviour = 'native/base/sync.cc:8:3: runtime error: load of null pointer';

test('what Node leaves to the system is none', (t) => {
  t.deepEqual(findingsIn(leaks(nodes, leak('    <empty stack>', 'Indirect'))), []);
});

// The memory is freed with the environment, which process.exit() leaves to the system.
test('nor is a record that Node keeps of a reference of ours', (t) => {
  const record = leak(`    #1 0x3 in napi_create_reference (/usr/bin/node+0x3)
    #2 0x4 in Open ../../native/binding/addon.cc:77`);
  t.deepEqual(findingsIn(leaks(record)), []);
});

test('a leak through the addon is one, between two of Node', (t) => {
  const findings = findingsIn(leaks(nodes, ours, nodes));
  t.is(findings.length, 1);
  t.regex(findings[0] ?? '', /EngineWrap/);
  t.is(findingsIn(leaks(nodes, withoutSymbols)).length, 1);
  const leveldb = leak('    #1 0x4 in Put ../vendor/leveldb/db/db_impl.cc:3');
  t.is(findingsIn(leaks(leveldb)).length, 1);
});

test('any wrong access is one, wherever it happened', (t) => {
  t.regex(findingsIn(overflow).join(), /heap-buffer-overflow on address/);
  t.is(findingsIn(undefinedBehaviour).length, 1);
});

// A process that went on after its first report: the leaks of its end must not hide it.
test('what stands before or behind the leaks of Node counts', (t) => {
  for (const report of [
    `${undefinedBehaviour}\n${leaks(nodes)}`,
    `${leaks(nodes)}${undefinedBehaviour}\n`,
    `${overflow}\n${leaks(nodes, nodes)}`,
  ]) {
    const findings = findingsIn(report);
    t.is(findings.length, 1);
    t.regex(findings[0] ?? '', /runtime error|heap-buffer-overflow/);
    t.notRegex(findings[0] ?? '', /node::Start/);
  }
});

test('a sentence that nobody knows counts', (t) => {
  const sentence = '==1==LeakSanitizer has encountered a fatal error.';
  t.deepEqual(findingsIn(sentence), [sentence]);
});
