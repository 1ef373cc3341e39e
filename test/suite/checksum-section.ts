// Checksums that callers ask for: compared with Node's own over bodies of every size and form,
// kept, verified, and nothing left of a body that is another one.
import { createHash, randomBytes } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { crc64 } from '../../lib/crc64.ts';
import type { PutOptions } from '../../lib/index.ts';
import { edgeBodies, found, megabyte, rejection, type Section } from './support.ts';

type Wanted = NonNullable<PutOptions['checksum']>;

const all = {
  md5: true,
  sha1: true,
  sha256: true,
  crc32: true,
  crc32c: true,
  crc64: true,
} as const;

/** One bit at a time, as the definition has it. */
function crc32c(bytes: Uint8Array): number {
  let crc = ~0;
  for (const byte of bytes) {
    crc ^= byte;
    for (let i = 0; i < 8; i++) crc = (crc >>> 1) ^ (crc & 1 ? 0x82f63b78 : 0);
  }
  return ~crc >>> 0;
}

function expectedOf(bytes: Uint8Array): Record<string, string> {
  const hash = (name: string) => createHash(name).update(bytes).digest('hex');
  const hex = (value: number) => value.toString(16).padStart(8, '0');
  return {
    md5: hash('md5'),
    sha1: hash('sha1'),
    sha256: hash('sha256'),
    crc32: hex(crc32(bytes)),
    crc32c: hex(crc32c(bytes)),
    crc64: crc64(bytes),
  };
}

async function* inPieces(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += 77_777) yield bytes.subarray(at, at + 77_777);
}

export const checksumSection: Section = (withStore) => {
  withStore('computes and keeps what it is asked for', async (t, store) => {
    const bucket = store.bucket('docs');
    const bodies = [...edgeBodies().values(), randomBytes(3 * megabyte + 1)];
    for (const bytes of bodies) {
      const expected = expectedOf(bytes);
      for (const body of [bytes, inPieces(bytes)]) {
        const put = await bucket.put('key', body, { checksum: all });
        t.deepEqual({ ...put.checksums }, expected, `${bytes.length} bytes`);
        t.deepEqual({ ...(await found(bucket.head('key'))).checksums }, expected);
        const got = await found(bucket.get('key'));
        t.deepEqual({ ...got.checksums }, expected);
        t.true(bytes.equals(await got.bytes()));
        t.is(
          got.httpHeaders().get('content-md5'),
          createHash('md5').update(bytes).digest('base64'),
        );
      }
      const { sha1 = '' } = expected;
      const some = await bucket.put('key', bytes, { checksum: { sha1: true } });
      t.deepEqual({ ...some.checksums }, { crc64: crc64(bytes), sha1 });
      t.deepEqual(Object.keys((await bucket.put('key', bytes)).checksums), ['crc64']);
    }
  });

  withStore('digests many bodies at once, each its own', async (t, store) => {
    const bucket = store.bucket('docs');
    const bodies = Array.from({ length: 8 }, (_, i) => randomBytes(200_000 * (i + 1)));
    const puts = bodies.map((bytes, i) => bucket.put(`${i}`, bytes, { checksum: { md5: true } }));
    for (const [i, { checksums }] of (await Promise.all(puts)).entries())
      t.is(
        checksums.md5,
        createHash('md5')
          .update(bodies[i] as Buffer)
          .digest('hex'),
      );
  });

  withStore('verifies what a caller knows, in every form', async (t, store) => {
    const bucket = store.bucket('docs');
    for (const size of [0, 1000, 200_000, megabyte]) {
      const bytes = randomBytes(size);
      const expected = expectedOf(bytes);
      for (const [name, text] of Object.entries(expected)) {
        const value =
          name === 'crc64' ? bytesOfDecimal(text) : Uint8Array.from(Buffer.from(text, 'hex'));
        const base64 = Buffer.from(value).toString('base64');
        for (const form of [value, base64, text]) {
          const put = await bucket.put('key', bytes, { checksum: { [name]: form } });
          t.is(put.checksums[name as keyof Wanted], text);
        }
        const upper = name === 'crc64' ? text : text.toUpperCase();
        await bucket.put('key', inPieces(bytes), { checksum: { [name]: upper } });
      }
      await bucket.put('key', bytes, { checksum: { ...expected, md5: true } });
    }

    function bytesOfDecimal(text: string): Uint8Array {
      const bytes = Buffer.alloc(8);
      bytes.writeBigUInt64BE(BigInt(text));
      return bytes;
    }
  });

  withStore('stores nothing of a body that is another one', async (t, store) => {
    const bucket = store.bucket('docs');
    const before = await bucket.put('key', 'before');
    for (const size of [1000, 200_000, megabyte]) {
      const bytes = randomBytes(size);
      const others = expectedOf(randomBytes(100));
      for (const [name, value] of Object.entries(others)) {
        const code = name === 'crc64' ? 'InvalidCRC64' : 'InvalidDigest';
        for (const body of [bytes, inPieces(bytes)])
          await rejection(
            t,
            bucket.put('key', body, { checksum: { ...all, [name]: value } }),
            code,
            `${name} of ${size} bytes`,
          );
      }
      await rejection(
        t,
        bucket.put('new', bytes, { checksum: { md5: others.md5 } }),
        'InvalidDigest',
      );
    }
    t.is((await found(bucket.head('key'))).etag, before.etag);
    t.deepEqual(
      (await bucket.list().toArray()).map(({ key }) => key),
      ['key'],
    );
  });

  withStore('refuses checksums that can be none', async (t, store) => {
    const bucket = await store.createBucket('docs');
    const put = (checksum: object) => bucket.put('key', 'text', { checksum });
    const { md5 = '', crc32: crc = '' } = expectedOf(Buffer.from('text'));
    for (const checksum of [
      { md6: true },
      { md5: '' },
      { md5: `${md5}00` },
      { md5: md5.slice(1) },
      { md5: `0x${md5}` },
      { md5: ` ${md5}` },
      { md5: Buffer.from(md5, 'hex').toString('base64').replace(/=+$/, '') },
      { md5: new Uint8Array(15) },
      { sha256: md5 },
      { crc32: 'gggggggg' },
      { crc64: crc },
      { crc64: '-1' },
      { crc64: '1e3' },
      { crc64: '18446744073709551616' },
      { crc64: '0x995dc9bbdf1939fa' },
      { crc64: '995dc9bbdf1939fa' },
    ])
      await rejection(t, put(checksum), 'InvalidArgument', JSON.stringify(checksum));
    for (const checksum of [
      { md5: false },
      { md5: 7 },
      { crc32: 0xcbf43926 },
      'md5',
      ['md5'],
      null,
    ])
      await t.throwsAsync(put(checksum as never), { instanceOf: TypeError });
    t.is(await bucket.head('key'), null);
    t.deepEqual(Object.keys((await put({})).checksums), ['crc64']);
    t.deepEqual(Object.keys((await put({ crc64: true, md5: undefined })).checksums), ['crc64']);
  });
};
