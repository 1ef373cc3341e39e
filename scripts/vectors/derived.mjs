// Cases that need no files: the published XAES answers, and the core held against node:crypto on
// inputs drawn from a seed. The chunk suite is written down here a second time, in another
// language.
import { createCipheriv, createHash, createHmac } from 'node:crypto';
import { readFileSync } from 'node:fs';

const hex = (bytes) => (bytes.length === 0 ? '-' : bytes.toString('hex'));

/** A stream of bytes that the seed alone decides. */
function drawer(seed) {
  let count = 0;
  const draw = (size) => {
    const out = createHash('shake128', { outputLength: size || 1 });
    return out.update(`${seed}/${count++}`).digest().subarray(0, size);
  };
  return { draw, below: (bound) => draw(6).readUIntBE(0, 6) % bound };
}

function gcmSeal(key, nonce, aad, plaintext) {
  const cipher = createCipheriv('aes-256-gcm', key, nonce, { authTagLength: 16 });
  cipher.setAAD(aad);
  return Buffer.concat([cipher.update(plaintext), cipher.final(), cipher.getAuthTag()]);
}

function hkdfExpand(hash, prk, info, size) {
  let block = Buffer.alloc(0);
  const blocks = [];
  for (let i = 1; blocks.length * 32 < size; ++i) {
    block = createHmac(hash, prk).update(block).update(info).update(Buffer.of(i)).digest();
    blocks.push(block);
  }
  return Buffer.concat(blocks).subarray(0, size);
}

function u32(value) {
  const out = Buffer.alloc(4);
  out.writeUInt32LE(value);
  return out;
}

/** A blob as docs/format/seal-header.md has it: the 96-byte header, then its sealed chunks. */
function sealBlob({ dek, storeId, blobId, salt, chunkSize }, body) {
  const label = Buffer.from('strongroom.chunk\x01\x00', 'latin1');
  const context = [u32(16), storeId, u32(16), blobId, u32(chunkSize)];
  const derived = hkdfExpand('sha512', dek, Buffer.concat([label, salt, ...context]), 64);
  const fixed = [Buffer.of(1, 0, 0, 0), u32(chunkSize), storeId, blobId, salt];
  const header = Buffer.concat([...fixed, derived.subarray(32)]);
  const aad = createHash('sha256').update(header).digest();
  const chunks = [];
  for (let at = 0; at === 0 || at < body.length; at += chunkSize) {
    const nonce = Buffer.alloc(12);
    nonce.writeBigUInt64BE(BigInt(chunks.length), 3);
    nonce[11] = at + chunkSize >= body.length ? 1 : 0;
    const plaintext = body.subarray(at, at + chunkSize);
    chunks.push(gcmSeal(derived.subarray(0, 32), nonce, aad, plaintext));
  }
  return { header, chunks };
}

function gcmCases({ draw, below }) {
  const cases = [];
  for (let i = 0; i < 200; ++i) {
    const [key, nonce, aad] = [draw(32), draw(12), draw(below(64))];
    const plaintext = draw(i < 64 ? i : below(70_000));
    const sealed = gcmSeal(key, nonce, aad, plaintext);
    const label = `${i}: ${plaintext.length} bytes`;
    const head = [hex(key), hex(nonce), hex(aad)];
    cases.push(
      { label, request: ['gcm-seal', ...head, hex(plaintext)], expected: hex(sealed) },
      { label, request: ['gcm-open', ...head, hex(sealed)], expected: hex(plaintext) },
    );
  }
  return cases;
}

function hkdfCases({ draw, below }) {
  const cases = [];
  for (let i = 0; i < 100; ++i) {
    const hash = i % 2 ? 'sha512' : 'sha256';
    const [ikm, salt, info, size] = [
      draw(below(200)),
      draw(below(200)),
      draw(below(300)),
      1 + i * 7,
    ];
    const prk = createHmac(hash, salt).update(ikm).digest();
    const request = [`hkdf${hash.slice(3)}`, hex(ikm), hex(salt), hex(info), size];
    cases.push({ label: `${i}`, request, expected: hex(hkdfExpand(hash, prk, info, size)) });
  }
  return cases;
}

/** Body sizes around the chunk borders; the last chunk of a body of n chunks is the n-th. */
function blobCases({ draw, below }) {
  const cases = [];
  for (const chunkSize of [256, 16_384, 65_536]) {
    const around = [
      0,
      1,
      chunkSize - 1,
      chunkSize,
      chunkSize + 1,
      2 * chunkSize,
      3 * chunkSize - 5,
    ];
    for (const size of [...around, below(5 * chunkSize)]) {
      const blob = {
        dek: draw(32),
        storeId: draw(16),
        blobId: draw(16),
        salt: draw(24),
        chunkSize,
      };
      const body = draw(size);
      const { header, chunks } = sealBlob(blob, body);
      const sealed = Buffer.concat(chunks);
      const blank = Buffer.concat([header.subarray(0, 64), Buffer.alloc(32)]);
      const label = `${cases.length}: ${size} bytes in chunks of ${chunkSize}`;
      const seal = ['blob-seal', hex(blob.dek), hex(blank), hex(body)];
      const open = ['blob-open', hex(blob.dek), hex(header), hex(sealed)];
      cases.push(
        { label, request: seal, expected: `${hex(header)} ${hex(sealed)}` },
        { label, request: open, expected: hex(body) },
      );
    }
  }
  return cases;
}

/** The invalid C2SP vectors again, in our own suite: what is broken, and where it is noticed. */
function brokenBlobCases({ draw }) {
  const blob = {
    dek: draw(32),
    storeId: draw(16),
    blobId: draw(16),
    salt: draw(24),
    chunkSize: 65_536,
  };
  const body = draw(3 * 65_536 + 100);
  const { header, chunks } = sealBlob(blob, body);
  const [a, b, c, end] = chunks;
  const exact = sealBlob(blob, body.subarray(0, 2 * 65_536)).chunks;
  const other = sealBlob({ ...blob, blobId: draw(16) }, body);
  const flip = (bytes, at) => {
    const out = Buffer.from(bytes);
    out[at] ^= 1;
    return out;
  };
  const { dek } = blob;
  const shortDek = dek.subarray(1);
  const longDek = Buffer.concat([dek, Buffer.of(0)]);
  const rows = [
    ['a flipped ciphertext bit', dek, header, [flip(a, 9), b, c, end], 'tampered'],
    ['a flipped tag bit', dek, header, [a, flip(b, 65_551), c, end], 'tampered'],
    ['a flipped bit in the last chunk', dek, header, [a, b, c, flip(end, 0)], 'tampered'],
    ['two chunks swapped', dek, header, [b, a, c, end], 'tampered'],
    ['a chunk twice', dek, header, [a, a, c, end], 'tampered'],
    ['a chunk left out', dek, header, [a, c, end], 'tampered'],
    ['the last chunk cut off', dek, header, [a, b, c], 'tampered'],
    ['cut in the middle of a chunk', dek, header, [a, b.subarray(0, 30_000)], 'tampered'],
    ['cut in the middle of a tag', dek, header, [a, b, c, end.subarray(0, -1)], 'tampered'],
    ['less than a tag', dek, header, [end.subarray(0, 15)], 'tampered'],
    ['nothing at all', dek, header, [], 'tampered'],
    ['bytes behind the end', dek, header, [a, b, c, end, Buffer.alloc(20)], 'tampered'],
    ['a sealed chunk behind the end', dek, header, [...exact, end], 'tampered'],
    ['an empty chunk behind a full last one', dek, header, [...exact, draw(16)], 'tampered'],
    ["another blob's chunk", dek, header, [a, other.chunks[1], c, end], 'tampered'],
    ["another blob's header", dek, other.header, chunks, 'tampered'],
    ['another DEK', flip(dek, 0), header, chunks, 'header'],
    ['a DEK too short', shortDek, header, chunks, 'header'],
    ['a DEK too long', longDek, header, chunks, 'header'],
    ['a header cut off', dek, header.subarray(0, 95), chunks, 'header'],
  ];
  for (let at = 0; at < header.length; ++at) {
    rows.push([`a flipped bit in header byte ${at}`, dek, flip(header, at), chunks, 'header']);
  }
  return rows.map(([label, key, head, pieces, expected]) => ({
    ...{ label, expected },
    request: ['blob-open', hex(key), hex(head), hex(Buffer.concat(pieces))],
  }));
}

/** The page's own bytes: a name, then hex over one or more lines, in fenced blocks. */
function workedExample() {
  const page = readFileSync(new URL('../../docs/format/seal-header.md', import.meta.url), 'utf8');
  const fields = {};
  let name;
  for (const line of page.slice(page.indexOf('## Worked example')).split('\n')) {
    const [, named, text] = /^(\w+| ) +((?:[0-9a-f]{2})+(?: (?:[0-9a-f]{2})+)*)/.exec(line) ?? [];
    if (text === undefined) continue;
    if (named !== ' ') name = named;
    fields[name] = (fields[name] ?? '') + text.replaceAll(' ', '');
  }
  return fields;
}

function exampleCases() {
  const { dek, body, info, key, header, aad, nonces, sealed } = workedExample();
  const blank = header.slice(0, 128) + '00'.repeat(32);
  const label = 'seal-header.md';
  const ask = (expected, ...request) => ({ label, expected, request });
  const derived = hkdfExpand('sha512', Buffer.from(dek, 'hex'), Buffer.from(info, 'hex'), 64);
  const agrees =
    derived.toString('hex') === key + header.slice(128) &&
    createHash('sha256').update(Buffer.from(header, 'hex')).digest('hex') === aad;
  return [
    ask(agrees ? `${header} ${sealed}` : 'the page disagrees', 'blob-seal', dek, blank, body),
    ask(body, 'blob-open', dek, header, sealed),
    // The last chunk alone, as the page has its key, nonce and additional data.
    ask(body.slice(16), 'gcm-open', key, nonces.slice(48), aad, sealed.slice(80)),
  ];
}

function xaesCases() {
  const nonce = Buffer.from('ABCDEFGHIJKLMNOPQRSTUVWX');
  const plaintext = hex(Buffer.from('XAES-256-GCM'));
  const published = [
    [1, '', 'ce546ef63c9cc60765923609b33a9a1974e96e52daf2fcf7075e2271'],
    [3, 'c2sp.org/XAES-256-GCM', '986ec1832593df5443a179437fd083bf3fdb41abd740a21f71eb769d'],
  ];
  return published.flatMap(([byte, aad, sealed]) => {
    const label = `key of ${byte}s`;
    const head = [hex(Buffer.alloc(32, byte))];
    const data = hex(Buffer.from(aad));
    const message = hex(nonce) + sealed;
    return [
      { label, request: ['xaes-seal', ...head, hex(nonce), data, plaintext], expected: message },
      { label, request: ['xaes-open', ...head, data, message], expected: plaintext },
    ];
  });
}

const accumulated = {
  10000: 'e6b9edf2df6cec60c8cbd864e2211b597fb69a529160cd040d56c0c210081939',
  1000000: '2163ae1445985a30b60585ee67daa55674df06901b890593e824b8a7c885ab15',
};

export function derivedSets(seed, long) {
  const random = drawer(seed);
  const iterations = long ? 1_000_000 : 10_000;
  const sum = { label: `${iterations}`, request: ['xaes-accumulated', iterations] };
  const note = ` (seed ${seed})`;
  return [
    { name: 'XAES-256-GCM, single', cases: xaesCases() },
    {
      name: `XAES-256-GCM, ${iterations} accumulated`,
      cases: [{ ...sum, expected: accumulated[iterations] }],
    },
    { name: 'Worked example of docs/format/seal-header.md', cases: exampleCases() },
    { name: 'AES-256-GCM against node:crypto', cases: gcmCases(random), note },
    { name: 'HKDF against node:crypto', cases: hkdfCases(random), note },
    { name: 'Blobs against node:crypto', cases: blobCases(random), note },
    { name: 'Broken blobs', cases: brokenBlobCases(random), note },
  ];
}
