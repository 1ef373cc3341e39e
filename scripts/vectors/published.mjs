// Turns the files of C2SP/wycheproof and NIST CAVP into requests of strongroom_vectors and the
// answers that they demand. A vector whose sizes the production entry does not offer goes through
// the test-only entry, and the production entry must refuse it.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync, inflateSync } from 'node:zlib';

const hex = (text) => text || '-';
// OpenSSL takes nonces up to 128 bytes; GCM itself has no such bound.
const runnable = ({ iv }) => iv.length <= 2 * 128;

function read(path) {
  return existsSync(path) ? gunzipSync(readFileSync(path)).toString('utf8') : undefined;
}

function wycheproof(folder, file) {
  const text = read(join(folder, 'wycheproof', `${file}_test.json.gz`));
  if (text === undefined) return undefined;
  return JSON.parse(text).testGroups.flatMap((group) =>
    group.tests.map((test) => ({ ...group, ...test, label: `tcId ${test.tcId}` })),
  );
}

/** CAVP's .rsp: `[Name = value]` holds until the next one, `Name = value` until the blank line. */
function nist(folder, file) {
  const text = read(join(folder, 'nist', `${file}.rsp.gz`));
  if (text === undefined) return undefined;
  const tests = [];
  const sizes = {};
  for (const line of text.split(/\r?\n/)) {
    const [, bracket, name, value] = /^(\[?)(\w+) = ?([^\]]*)\]?$/.exec(line) ?? [];
    if (bracket === '[') sizes[name] = Number(value);
    else if (name === 'Count') tests.push({ ...sizes, label: `${JSON.stringify(sizes)} ${value}` });
    else if (name !== undefined) tests.at(-1)[name] = value;
    else if (line === 'FAIL') tests.at(-1).fails = true;
  }
  return tests;
}

/** One AES-GCM vector: production when its sizes allow, else the test-only entry and a refusal. */
function gcmCases({ label, key, iv, aad, plaintext, ciphertext, tag, valid }) {
  const head = [hex(key), hex(iv), hex(aad)];
  const production = key.length === 64 && iv.length === 24 && tag.length === 32;
  const sealed = hex(ciphertext + tag);
  const opened = valid ? hex(plaintext) : iv.length > 0 ? 'tampered' : 'refused';
  const cases = [];
  const add = (expected, ...request) => cases.push({ label, expected, request });
  if (production) {
    add(opened, 'gcm-open', ...head, sealed);
    if (valid) add(sealed, 'gcm-seal', ...head, hex(plaintext));
    return cases;
  }
  add(opened, 'evp-open', ...head, hex(ciphertext), hex(tag));
  if (valid) add(sealed, 'evp-seal', ...head, hex(plaintext), tag.length / 2);
  // A shorter tag is no size but a wrong tag: the production entry reads 16 bytes whatever comes.
  const refusal = key.length === 64 && iv.length === 24 ? 'tampered' : 'refused';
  add(refusal, 'gcm-open', ...head, sealed);
  return cases;
}

const isProduction = ({ keySize, ivSize, tagSize }) =>
  keySize === 256 && ivSize === 96 && tagSize === 128;

function wycheproofGcm(tests) {
  return tests.flatMap(({ label, key, iv, aad, msg, ct, tag, result }) =>
    gcmCases({
      ...{ label, key, iv, aad, tag },
      ...{ plaintext: msg, ciphertext: ct, valid: result === 'valid' },
    }),
  );
}

function nistGcm(tests) {
  return tests.flatMap(({ label, Key, IV, AAD, PT, CT, Tag, fails }) =>
    gcmCases({
      ...{ label, key: Key, iv: IV, aad: AAD, tag: Tag },
      ...{ plaintext: PT, ciphertext: CT, valid: !fails },
    }),
  );
}
const isNistProduction = ({ IVlen, Taglen }) => IVlen === 96 && Taglen === 128;

const hkdfCases = (operation) => (tests) =>
  tests.map(({ label, ikm, salt, info, size, okm, result }) => ({
    label,
    request: [operation, hex(ikm), hex(salt), hex(info), size],
    expected: result === 'valid' ? hex(okm) : 'refused',
  }));

const hmacCases = (operation) => (tests) =>
  tests.map(({ label, key, msg, tag, tagSize, result }) => ({
    label,
    request: [operation, hex(key), hex(msg)],
    expected: (answer) => (answer.slice(0, tagSize / 4) === tag) === (result === 'valid'),
  }));

/** Cobblestone-256: what opens, how far, and whether the refusal came before the first chunk. */
function chunkedCases(tests) {
  return tests.map(({ label, key, ctx, ct, flags, result, ...test }) => ({
    label,
    request: [
      'c2sp-open',
      hex(key),
      hex(ctx),
      hex(inflateSync(Buffer.from(ct, 'hex')).toString('hex')),
    ],
    expected: (answer) => {
      if (flags.includes('HeaderFailure')) return answer === 'header';
      const [chunkKey, baseNonce, verdict, size, sha512, final] = answer.split(' ');
      const valid = result === 'valid';
      const prefix = valid || flags.includes('PartialPlaintext');
      return (
        chunkKey === test.aeadKey &&
        baseNonce === test.baseNonce &&
        verdict === (valid ? 'ok' : 'tampered') &&
        size === String(prefix ? test.msgLength : 0) &&
        (!prefix || sha512 === test.msgSha512) &&
        final === (valid || flags.includes('ValidFinalChunk') ? '1' : '0')
      );
    },
  }));
}

/** Every set: its name, its cases, how many vectors cannot run, and why. */
export function publishedSets(folder) {
  const sets = [];
  const add = (name, file, tests, keep, cases, count) => {
    if (tests === undefined) sets.push({ name, cases: [], skipped: count, why: `no ${file}` });
    else sets.push({ name, cases: cases(tests.filter(keep)), skipped: 0 });
  };
  const all = () => true;
  const not = (keep) => (test) => !keep(test);

  const gcm = wycheproof(folder, 'aes_gcm');
  const gcmFile = 'wycheproof/aes_gcm_test.json.gz';
  add('Wycheproof AES-GCM, production entry', gcmFile, gcm, isProduction, wycheproofGcm, 66);
  const others = gcm?.filter(not(isProduction));
  add('Wycheproof AES-GCM, other sizes', gcmFile, others, runnable, wycheproofGcm, 250);
  if (others !== undefined) {
    sets.at(-1).skipped = others.length - others.filter(runnable).length;
    sets.at(-1).why = 'nonces above the 128 bytes that OpenSSL takes';
  }
  for (const [name, count] of [
    ['gcmDecrypt256', 7500],
    ['gcmEncryptExtIV256', 7500],
  ]) {
    const tests = nist(folder, name);
    const file = `nist/${name}.rsp.gz`;
    add(`NIST ${name}, production entry`, file, tests, isNistProduction, nistGcm, 375);
    add(`NIST ${name}, other sizes`, file, tests, not(isNistProduction), nistGcm, count);
  }
  for (const [name, file, cases, count] of [
    ['Wycheproof HKDF-SHA-256', 'hkdf_sha256', hkdfCases('hkdf256'), 86],
    ['Wycheproof HKDF-SHA-512', 'hkdf_sha512', hkdfCases('hkdf512'), 83],
    ['Wycheproof HMAC-SHA-256', 'hmac_sha256', hmacCases('hmac256'), 174],
    ['Wycheproof HMAC-SHA-512', 'hmac_sha512', hmacCases('hmac512'), 174],
    ['C2SP chunked encryption', 'c2sp_chunked_encryption_aes_256_gcm', chunkedCases, 35],
  ]) {
    add(name, `wycheproof/${file}_test.json.gz`, wycheproof(folder, file), all, cases, count);
  }
  return sets;
}
