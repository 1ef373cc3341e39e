// Objects made of parts, copies and moves.
import { randomBytes } from 'node:crypto';
import { crc64 } from '../../lib/crc64.ts';
import type { Bucket, CopyOptions, ErrorCode } from '../../lib/index.ts';
import { all, found, megabyte, rejection, type WithStore } from './support.ts';

const kilobyte = 1024;

async function bytesAt(bucket: Bucket, key: string): Promise<Buffer> {
  return Buffer.from((await (await bucket.get(key))?.bytes()) ?? []);
}

export function partsSection(withStore: WithStore): void {
  withStore('puts an upload together from parts in any order', async (t, store) => {
    const bucket = store.bucket('docs');
    const upload = await bucket.upload('film', {
      contentType: 'video/raw',
      metadata: { by: 'me' },
      tags: { kind: 'film' },
    });
    t.regex(upload.uploadId, /^[0-9A-F]{32}$/);
    const sizes: [number, number][] = [
      [10_000, 7],
      [3, 100 * kilobyte],
      [77, 2 * megabyte + 5],
      [3, 300_000],
      [5, 262_144],
    ];
    const bodies = new Map<number, Buffer>();
    for (const [number, size] of sizes) {
      const bytes = randomBytes(size);
      bodies.set(number, bytes);
      const { partNumber, etag } = await upload.part(number, bytes);
      t.is(partNumber, number);
      t.regex(etag, /^"[0-9A-F]{32}"$/);
    }
    t.is(await bucket.head('film'), null, 'nothing shows before the upload is complete');
    const listed = [];
    for await (const { partNumber, size } of upload.parts()) listed.push([partNumber, size]);
    const numbers = [...bodies.keys()].sort((a, b) => a - b);
    t.deepEqual(
      listed,
      numbers.map((number) => [number, bodies.get(number)?.length]),
    );
    const whole = Buffer.concat(numbers.map((number) => bodies.get(number) as Buffer));
    const object = await bucket.resumeUpload('film', upload.uploadId).complete();
    t.is(object.size, whole.length);
    t.is(object.type, 'Multipart');
    t.is(object.checksums.crc64, crc64(whole));
    t.is(object.contentType, 'video/raw');
    t.deepEqual(object.metadata, { by: 'me' });
    t.deepEqual((await bucket.head('film'))?.tags, { kind: 'film' });
    t.true(whole.equals(await bytesAt(bucket, 'film')));
    for (const offset of [0, 1, 299_999, 300_000, 562_144, whole.length - 8, whole.length - 1])
      for (const length of [1, 2, 300_000, whole.length]) {
        const part = await bucket.get('film', { range: { offset, length } });
        t.true(
          whole.subarray(offset, offset + length).equals(Buffer.from((await part?.bytes()) ?? [])),
        );
      }
    const end = await bucket.get('film', { range: { suffix: 9 } });
    t.true(whole.subarray(-9).equals(Buffer.from((await end?.bytes()) ?? [])));
    for (const late of [upload.part(1, 'x'), upload.complete(), upload.abort()])
      await rejection(t, late, 'NoSuchUpload');
    t.true(whole.equals(await bytesAt(bucket, 'film')));
  });

  withStore('finds a range among hundreds of parts, some of them left out', async (t, store) => {
    const bucket = store.bucket('docs');
    const upload = await bucket.upload('many');
    const named = [];
    const bodies: Buffer[] = [];
    for (let number = 1; number <= 200; number++) {
      const bytes = Buffer.alloc(100 * kilobyte, number);
      bytes.writeUInt32BE(number, 0);
      const part = await upload.part(number, bytes);
      if (number % 3 === 0) continue;
      named.push(part);
      bodies.push(bytes);
    }
    const object = await upload.complete(named);
    const whole = Buffer.concat(bodies);
    t.is(object.size, whole.length);
    t.is(object.checksums.crc64, crc64(whole));
    for (const offset of [0, 64, 65, 66, 100, 127, 128, 129, 133].map(
      (i) => i * 100 * kilobyte - 1,
    )) {
      if (offset < 0) continue;
      const part = await bucket.get('many', { range: { offset, length: 10 } });
      const expected = whole.subarray(offset, offset + 10);
      t.true(expected.equals(Buffer.from((await part?.bytes()) ?? [])), `at ${offset}`);
    }
    t.true(whole.equals(await bytesAt(bucket, 'many')));
  });

  withStore('refuses parts and completions that cannot be', async (t, store) => {
    const bucket = store.bucket('docs');
    const upload = await bucket.upload('a');
    for (const number of [0, -1, 1.5, 10_001, Number.NaN])
      await rejection(t, upload.part(number, 'x'), 'InvalidArgument');
    await t.throwsAsync(upload.part('1' as never, 'x'), { instanceOf: TypeError });
    await rejection(t, upload.complete(), 'InvalidArgument');
    await rejection(t, upload.complete([]), 'InvalidArgument');
    const wrong = upload.part(1, 'body', { checksum: { md5: '0'.repeat(32) } });
    await rejection(t, wrong, 'InvalidDigest');
    const small = await upload.part(1, 'small');
    const last = await upload.part(2, 'last');
    await rejection(t, upload.complete([small, last]), 'EntityTooSmall');
    await rejection(t, upload.complete(), 'EntityTooSmall');
    await rejection(t, upload.complete([last, small]), 'InvalidPartOrder');
    await rejection(t, upload.complete([small, small]), 'InvalidPartOrder');
    await rejection(t, upload.complete([{ ...last, partNumber: 3 }]), 'InvalidPart');
    await rejection(t, upload.complete([{ ...last, etag: small.etag }]), 'InvalidPart');
    const taken = { onlyIf: { absent: true } } as const;
    await bucket.put('a', 'there');
    await rejection(t, upload.complete([last], taken), 'FileAlreadyExists');
    t.is(await (await bucket.get('a'))?.text(), 'there');
    const object = await upload.complete([last]);
    t.is(object.size, 4);
    t.is(await (await bucket.get('a'))?.text(), 'last');
    const strangers: [string, string][] = [
      ['a', '0'.repeat(32)],
      ['a', 'no id'],
      ['b', upload.uploadId],
    ];
    for (const [key, id] of strangers)
      await rejection(t, bucket.resumeUpload(key, id).part(1, 'x'), 'NoSuchUpload');
  });

  withStore(
    'lists, aborts and sweeps uploads; a bucket with one is not empty',
    async (t, store) => {
      const bucket = await store.createBucket('docs');
      const [a, b] = [await bucket.upload('a'), await bucket.upload('b')];
      await a.part(1, randomBytes(300_000));
      const keys = async (prefix = '') => {
        const found = [];
        for await (const { key, uploadId } of bucket.uploads({ prefix }))
          found.push([key, uploadId]);
        return found;
      };
      t.deepEqual(await keys(), [
        ['a', a.uploadId],
        ['b', b.uploadId],
      ]);
      t.deepEqual(await keys('b'), [['b', b.uploadId]]);
      await rejection(t, bucket.delete(), 'BucketNotEmpty');
      await a.abort();
      await rejection(t, a.abort(), 'NoSuchUpload');
      await rejection(t, a.part(2, 'late'), 'NoSuchUpload');
      t.deepEqual(await keys(), [['b', b.uploadId]]);
      const past = new Date(Date.now() - 60_000);
      t.deepEqual(await bucket.sweepUploads({ olderThan: past }), { swept: 0, kept: 1 });
      const future = new Date(Date.now() + 60_000);
      t.deepEqual(await bucket.sweepUploads({ olderThan: future }), { swept: 1, kept: 0 });
      await bucket.upload('c');
      await bucket.delete({ force: true });
      t.false(await bucket.exists());
    },
  );

  withStore('checks what uploads and sweepUploads are asked for', async (t, store) => {
    const bucket = store.bucket('docs');
    await bucket.upload('a');
    const uploads = (options: unknown) => all(bucket.uploads(options as never));
    await rejection(t, uploads({ prefx: 'b' }), 'InvalidArgument');
    await rejection(t, uploads({ prefix: '\ud800' }), 'InvalidObjectName');
    for (const wrong of [{ prefix: 1 }, null, 'a', new Map()])
      await t.throwsAsync(uploads(wrong), { instanceOf: TypeError });
    const future = new Date(Date.now() + 60_000);
    const sweep = (options: unknown) => bucket.sweepUploads(options as never);
    await rejection(t, sweep({ olderThan: future, prefix: 'b' }), 'InvalidArgument');
    await rejection(t, sweep({ olderThan: new Date(Number.NaN) }), 'InvalidArgument');
    for (const wrong of [undefined, {}, { olderThan: 'now' }])
      await t.throwsAsync(sweep(wrong), { instanceOf: TypeError });
    t.is((await uploads({ prefix: undefined })).length, 1);
  });

  withStore('completes with the parts as they are at that moment', async (t, store) => {
    const bucket = store.bucket('docs');
    const upload = await bucket.upload('a');
    await upload.part(1, Buffer.alloc(100 * kilobyte, 1));
    await upload.part(2, 'two');
    const rewritten = Buffer.alloc(100 * kilobyte, 9);
    const [completed, late] = await Promise.allSettled([
      upload.complete(),
      upload.part(1, rewritten),
    ]);
    t.is(completed.status, 'fulfilled');
    const bytes = await bytesAt(bucket, 'a');
    t.is(bytes.length, 100 * kilobyte + 3);
    t.is((await bucket.head('a'))?.checksums.crc64, crc64(bytes));
    // A part that came too late changes nothing; one that came in time is in the object.
    t.is(bytes[0], late.status === 'fulfilled' ? 9 : 1);
  });

  withStore('appends where the object ends, and only there', async (t, store) => {
    const bucket = store.bucket('logs');
    let whole = Buffer.alloc(0);
    const sizes = [5, 0, 300_000, 1, 70_000, 2 * megabyte];
    for (const [i, size] of sizes.entries()) {
      const bytes = randomBytes(size);
      const position = whole.length;
      const options = i % 2 === 0 ? { position, contentType: 'text/plain' } : {};
      const object = await bucket.append('log', bytes, options);
      whole = Buffer.concat([whole, bytes]);
      t.is(object.size, whole.length);
      t.is(object.type, 'Appendable');
      t.is(object.contentType, 'text/plain');
      t.is(object.checksums.crc64, crc64(whole));
      t.true(whole.equals(await bytesAt(bucket, 'log')));
    }
    for (const offset of [0, 4, 5, 6, 300_004, 300_005, 300_006, 370_006, whole.length - 1]) {
      const part = await bucket.get('log', { range: { offset, length: 100 } });
      const expected = whole.subarray(offset, offset + 100);
      t.true(expected.equals(Buffer.from((await part?.bytes()) ?? [])), `at ${offset}`);
    }
    const wrong = bucket.append('log', 'x', { position: 3 });
    await rejection(t, wrong, 'PositionNotEqualToLength');
    await rejection(t, bucket.append('new', 'x', { position: 1 }), 'PositionNotEqualToLength');
    await bucket.put('plain', 'x');
    await rejection(t, bucket.append('plain', 'x'), 'ObjectNotAppendable');
    t.true(whole.equals(await bytesAt(bucket, 'log')));
  });

  withStore('every one of many appends at once is there, whole', async (t, store) => {
    const bucket = store.bucket('logs');
    await bucket.append('log', 'begin\n');
    const lines = Array.from({ length: 20 }, (_, i) => `line ${i}\n`);
    await Promise.all(lines.map((line) => bucket.append('log', line)));
    const text = (await bytesAt(bucket, 'log')).toString();
    t.deepEqual(text.split('\n').sort(), `begin\n${lines.join('')}`.split('\n').sort());
  });

  withStore('copies and moves objects of every kind', async (t, store) => {
    const bucket = store.bucket('docs');
    const large = randomBytes(megabyte);
    const upload = await bucket.upload('parts', { metadata: { of: 'parts' } });
    await upload.part(1, large);
    await upload.part(2, 'tail');
    await upload.complete();
    await bucket.append('log', 'begin');
    await bucket.put('empty', '');
    await bucket.put('small', 'small', { metadata: { a: '1' }, tags: { b: '2' } });
    await bucket.put('large', large, { contentType: 'a/b' });
    const other = store.bucket('other');
    for (const key of ['parts', 'log', 'empty', 'small', 'large']) {
      const before = await found(bucket.head(key));
      const bytes = await bytesAt(bucket, key);
      const copy = await other.copy({ bucket: 'docs', key }, `copy/${key}`);
      t.is(copy.bucket, 'other');
      t.is(copy.etag, before.etag);
      t.is(copy.size, bytes.length);
      t.deepEqual(copy.metadata, before.metadata);
      t.deepEqual(copy.tags, before.tags);
      t.is(copy.contentType, before.contentType);
      t.true(bytes.equals(await bytesAt(other, `copy/${key}`)));
      await bucket.remove(key);
      t.true(bytes.equals(await bytesAt(other, `copy/${key}`)));
      await other.move(`copy/${key}`, `moved/${key}`);
      t.is(await other.head(`copy/${key}`), null);
      t.true(bytes.equals(await bytesAt(other, `moved/${key}`)));
    }
    // The copy of what grows does not: its bytes are the other's too.
    await rejection(t, other.append('moved/log', 'x'), 'ObjectNotAppendable');
  });

  withStore('an object that grows is moved as it is', async (t, store) => {
    const bucket = store.bucket('logs');
    await bucket.append('a', 'one ');
    await bucket.copy('a', 'snapshot');
    await bucket.move('a', 'b');
    await bucket.append('b', 'two');
    t.is((await bytesAt(bucket, 'b')).toString(), 'one two');
    t.is((await bytesAt(bucket, 'snapshot')).toString(), 'one ');
  });

  withStore('replaces metadata and tags in a copy, also onto itself', async (t, store) => {
    const bucket = store.bucket('docs');
    await bucket.put('a', 'body', {
      contentType: 'a/b',
      metadata: { x: '1' },
      tags: { y: '2' },
      checksum: { md5: true },
    });
    const { etag, checksums } = await bucket.copy('a', 'a', { metadata: { x: '9' } });
    const again = await bucket.head('a');
    t.is(again?.etag, etag);
    t.deepEqual(again?.checksums, checksums);
    t.deepEqual(again?.metadata, { x: '9' });
    t.is(again?.contentType, 'application/octet-stream', 'new metadata replaces all headers');
    t.deepEqual(again?.tags, { y: '2' });
    await bucket.copy('a', 'a', { tags: {} });
    t.deepEqual((await bucket.head('a'))?.tags, {});
    t.deepEqual((await bucket.head('a'))?.metadata, { x: '9' });
    t.is(await (await bucket.get('a'))?.text(), 'body');
    const wrong: [Promise<unknown>, ErrorCode][] = [
      [bucket.copy('a', 'a'), 'InvalidArgument'],
      [bucket.move('a', 'a'), 'InvalidArgument'],
      [bucket.copy('a', 'b', { contentType: 'x/y' }), 'InvalidArgument'],
      [bucket.copy('none', 'b'), 'NoSuchKey'],
      [bucket.move('none', 'b'), 'NoSuchKey'],
      [bucket.copy({ bucket: 'none', key: 'a' }, 'b'), 'NoSuchBucket'],
      [bucket.copy('a', '/b'), 'InvalidObjectName'],
      [bucket.copy('a', 'b', { onlyIf: { etag } }), 'PreconditionFailed'],
    ];
    for (const [call, code] of wrong) await rejection(t, call, code);
    t.is(await bucket.head('b'), null);
    await bucket.put('b', 'there');
    const absent = bucket.move('a', 'b', { onlyIf: { absent: true } });
    await rejection(t, absent, 'FileAlreadyExists');
    t.is(await (await bucket.get('a'))?.text(), 'body');
    t.is(await (await bucket.get('b'))?.text(), 'there');
  });

  withStore('asks the condition of a copy onto itself too', async (t, store) => {
    const bucket = store.bucket('docs');
    const { etag } = await bucket.put('a', 'body');
    const other = `"${'0'.repeat(32)}"`;
    const stale: [CopyOptions['onlyIf'], ErrorCode][] = [
      [{ etag: other }, 'PreconditionFailed'],
      [{ absent: true }, 'FileAlreadyExists'],
      [{ unmodifiedSince: new Date(0) }, 'PreconditionFailed'],
    ];
    for (const [onlyIf, code] of stale) {
      const { bucket: where, key } = await rejection(
        t,
        bucket.copy('a', 'a', { tags: { x: '1' }, onlyIf }),
        code,
      );
      t.deepEqual([where, key], ['docs', 'a']);
    }
    t.deepEqual((await bucket.head('a'))?.tags, {});
    await bucket.copy('a', 'a', { tags: { x: '1' }, onlyIf: { etag } });
    t.deepEqual((await bucket.head('a'))?.tags, { x: '1' });
  });

  withStore('a reader goes on when its object of parts is removed', async (t, store) => {
    const bucket = store.bucket('docs');
    const upload = await bucket.upload('a');
    const bytes = randomBytes(3 * megabyte);
    await upload.part(1, bytes.subarray(0, megabyte));
    await upload.part(2, bytes.subarray(megabyte));
    await upload.complete();
    const body = await bucket.get('a');
    await bucket.remove('a');
    t.true(bytes.equals(Buffer.from((await body?.bytes()) ?? [])));
    t.is(await bucket.get('a'), null);
  });
}
