// Bodies that go well: every kind, size and way of reading, headers, progress.
import { Blob } from 'node:buffer';
import { randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { ReadableStream } from 'node:stream/web';
import { crc64 } from '../../lib/crc64.ts';
import type { Body, ObjectBody, Progress } from '../../lib/index.ts';
import { bytesOf, edgeBodies, found, megabyte, rejection, type Section } from './support.ts';

/** The same bytes in every form that put() takes. */
function forms(bytes: Buffer): Record<string, Body> {
  const copy = (): ArrayBuffer => new Uint8Array(bytes).buffer as ArrayBuffer;
  const pieces = () => cut(bytes);
  const shared = new SharedArrayBuffer(bytes.length);
  new Uint8Array(shared).set(bytes);
  return {
    buffer: bytes,
    view: new DataView(copy()),
    'array buffer': copy(),
    'shared array buffer': shared,
    'shared view': new Uint8Array(shared),
    blob: new Blob([bytes]),
    array: pieces(),
    readable: Readable.from(pieces()),
    'readable of one': Readable.from([bytes]),
    'web stream': ReadableStream.from(pieces()),
    'byte stream': new ReadableStream({
      type: 'bytes',
      start(controller) {
        for (const piece of pieces())
          if (piece.length > 0) controller.enqueue(new Uint8Array(piece));
        controller.close();
      },
    }),
    response: new Response(bytes),
    'async iterable': (async function* () {
      for (const piece of pieces()) yield piece;
    })(),
    // A generator that overwrites what it yielded, as many readers of files do.
    'reused buffer': (async function* () {
      const buffer = new Uint8Array(70_000);
      for (const piece of pieces())
        for (let at = 0; at < piece.length; at += buffer.length) {
          const part = piece.subarray(at, at + buffer.length);
          buffer.set(part);
          yield buffer.subarray(0, part.length);
          buffer.fill(0xee);
        }
    })(),
  };
}

/** Pieces of many sizes, empty ones among them. */
function cut(bytes: Buffer): Buffer[] {
  const sizes = [1, 0, 7, 65_536, 300_000, 13, 1_200_000, 0, 65_536];
  const pieces: Buffer[] = [];
  for (let at = 0, i = 0; at < bytes.length; i++) {
    const piece = bytes.subarray(at, at + (sizes[i % sizes.length] ?? 1));
    pieces.push(piece);
    at += piece.length;
  }
  return pieces;
}

/** Every way to read a body to its end. */
export const readings: Record<string, (body: ObjectBody) => Promise<Uint8Array>> = {
  bytes: (body) => body.bytes(),
  arrayBuffer: async (body) => new Uint8Array(await body.arrayBuffer()),
  blob: async (body) => new Uint8Array(await (await body.blob()).arrayBuffer()),
  iteration: (body) => bytesOf(body),
  stream: (body) => bytesOf(body.stream()),
  body: (body) => bytesOf(body.body),
  readable: (body) => bytesOf(body.readable()),
  response: async (body) =>
    new Uint8Array(await new Response(body.stream() as never).arrayBuffer()),
};

export const bodySection: Section = (withStore) => {
  withStore('stores and returns bodies of every size, read in every way', async (t, store) => {
    const bucket = store.bucket('docs');
    for (const [size, bytes] of edgeBodies()) {
      const put = await bucket.put(`size-${size}`, bytes);
      t.is(put.size, size);
      t.is(put.checksums.crc64, crc64(bytes));
      const head = await found(bucket.head(`size-${size}`));
      t.deepEqual(head.toJSON(), put.toJSON());
      for (const [way, read] of Object.entries(readings)) {
        const body = await found(bucket.get(`size-${size}`));
        t.is(body.etag, put.etag);
        t.true(bytes.equals(await read(body)), `${size} bytes by ${way}`);
        t.true(body.bodyUsed);
      }
    }
  });

  withStore('takes every kind of body', async (t, store) => {
    const bucket = store.bucket('docs');
    for (const size of [0, 1000, 2 * megabyte + 5]) {
      const bytes = randomBytes(size);
      for (const [form, body] of Object.entries(forms(bytes))) {
        const put = await bucket.put(form, body);
        t.is(put.size, size, `${form} of ${size} bytes`);
        const got = await (await found(bucket.get(form))).bytes();
        t.true(bytes.equals(got), `${form} of ${size} bytes`);
      }
    }
  });

  withStore('takes text, empty bodies and parts of buffers', async (t, store) => {
    const bucket = store.bucket('docs');
    const text = async () => (await found(bucket.get('key'))).text();
    await bucket.put('key', 'grüße 😀');
    t.is(await text(), 'grüße 😀');
    await bucket.put('key', '');
    t.is(await text(), '');
    await bucket.put('key', null);
    t.is(await text(), '');
    t.is((await found(bucket.head('key'))).size, 0);
    await bucket.put('key', Readable.from(['grü', 'ße']));
    t.is(await text(), 'grüße');
    await bucket.put('key', new Response(null));
    t.is(await text(), '');
    await bucket.put('key', Buffer.from('hello world').subarray(6));
    t.is(await text(), 'world');
    await bucket.put('key', new Uint16Array([0x6968]).subarray(0));
    t.is(await text(), 'hi');
    await bucket.put('key', '{"a":[1]}');
    t.deepEqual(await (await found(bucket.get('key'))).json(), { a: [1] });
  });

  withStore('takes long texts, whatever characters lie where they are cut', async (t, store) => {
    const bucket = store.bucket('docs');
    for (const characters of ['x', 'é', '€', '😀'])
      for (const shift of ['', 'a']) {
        const text = shift + characters.repeat(300_000 / characters.length);
        const { size } = await bucket.put('key', text);
        t.is(size, Buffer.byteLength(text));
        t.true((await (await found(bucket.get('key'))).text()) === text);
      }
    const broken = `${'x'.repeat(262_143)}\ud800${'x'.repeat(10)}`;
    await rejection(t, bucket.put('key', broken), 'InvalidArgument');
  });

  withStore('copies an object from its open body', async (t, store) => {
    const bucket = store.bucket('docs');
    for (const size of [10, megabyte + 1]) {
      const bytes = randomBytes(size);
      await bucket.put('from', bytes);
      await bucket.put('to', await found(bucket.get('from')));
      t.true(bytes.equals(await (await found(bucket.get('to'))).bytes()));
    }
  });

  withStore('gives fresh memory to every reader', async (t, store) => {
    const bucket = store.bucket('docs');
    for (const size of [10, megabyte + 1]) {
      const bytes = randomBytes(size);
      await bucket.put('key', bytes);
      (await (await found(bucket.get('key'))).bytes()).fill(0);
      t.true(bytes.equals(await (await found(bucket.get('key'))).bytes()));
    }
  });

  withStore('keeps the fields of an object whatever becomes of its bytes', async (t, store) => {
    const bucket = store.bucket('docs');
    for (const size of [0, 10, megabyte + 1]) {
      const put = await bucket.put('key', new Uint8Array(size), { metadata: { a: 'b' } });
      for (const spoil of [
        (bytes: Uint8Array) => new Uint8Array(bytes.buffer).fill(0xff),
        (bytes: Uint8Array) => structuredClone(bytes.buffer, { transfer: [bytes.buffer as never] }),
      ]) {
        const body = await found(bucket.get('key'));
        spoil(await body.bytes());
        t.deepEqual(body.toJSON(), put.toJSON());
        t.deepEqual(body.metadata, { a: 'b' });
      }
    }
  });

  withStore('reads a body once', async (t, store) => {
    const bucket = store.bucket('docs');
    for (const size of [10, megabyte]) {
      await bucket.put('key', new Uint8Array(size));
      const body = await found(bucket.get('key'));
      t.false(body.bodyUsed);
      t.is(body.stream(), body.body);
      await t.throwsAsync(body.bytes(), { instanceOf: TypeError });
      await t.throwsAsync(body.text(), { instanceOf: TypeError });
      t.throws(() => body.readable(), { instanceOf: TypeError });
      await body[Symbol.asyncDispose]();
      const disposed = await found(bucket.get('key'));
      await disposed[Symbol.asyncDispose]();
      await disposed[Symbol.asyncDispose]();
      await t.throwsAsync(disposed.bytes(), { instanceOf: TypeError });
    }
  });

  withStore('lets go of a body that is left early', async (t, store) => {
    const bucket = store.bucket('docs');
    await bucket.put('key', new Uint8Array(3 * megabyte));
    for await (const piece of await found(bucket.get('key'))) {
      t.true(piece.length > 0);
      break;
    }
    const reader = (await found(bucket.get('key'))).stream().getReader();
    await reader.read();
    await reader.cancel();
    const readable = (await found(bucket.get('key'))).readable();
    readable.once('data', () => readable.destroy());
    await new Promise((resolve) => readable.once('close', resolve));
    t.true(readable.destroyed);
  });

  withStore('keeps headers and metadata', async (t, store) => {
    const bucket = store.bucket('docs');
    const expires = new Date('2030-01-02T03:04:05Z');
    await bucket.put('key', 'text', {
      contentType: 'text/html; charset=utf-8',
      contentEncoding: 'identity',
      contentDisposition: 'attachment; filename="a.html"',
      contentLanguage: 'de',
      cacheControl: 'no-store',
      expires,
      metadata: { Author: 'Grüße 😀', empty: '', ['__proto__']: 'mine', 'x-y_z.1': 'tab\there' },
    });
    const head = await found(bucket.head('key'));
    t.is(head.contentType, 'text/html; charset=utf-8');
    t.is(head.metadata.author, 'Grüße 😀');
    t.is(head.metadata.empty, '');
    t.is(head.metadata['x-y_z.1'], 'tab\there');
    t.is(Object.getOwnPropertyDescriptor(head.metadata, '__proto__')?.value, 'mine');
    t.true(Object.isFrozen(head.metadata));
    const headers = head.httpHeaders();
    t.is(headers.get('content-encoding'), 'identity');
    t.is(headers.get('content-disposition'), 'attachment; filename="a.html"');
    t.is(headers.get('content-language'), 'de');
    t.is(headers.get('cache-control'), 'no-store');
    t.is(headers.get('expires'), expires.toUTCString());
    t.is(headers.get('etag'), head.etag);
    t.is(headers.get('content-length'), '4');
    t.is(headers.get('x-oss-meta-empty'), '');
    const [listed] = await bucket.list().toArray();
    t.deepEqual(listed?.toJSON(), head.toJSON());
    await bucket.put('key', 'text');
    t.is((await found(bucket.head('key'))).contentType, 'application/octet-stream');
    t.deepEqual((await found(bucket.head('key'))).metadata, {});
  });

  withStore('takes the content type of a blob or a response', async (t, store) => {
    const bucket = store.bucket('docs');
    await bucket.put('blob', new Blob(['a'], { type: 'image/png' }));
    t.is((await found(bucket.head('blob'))).contentType, 'image/png');
    await bucket.put('response', new Response('a', { headers: { 'content-type': 'image/gif' } }));
    t.is((await found(bucket.head('response'))).contentType, 'image/gif');
    await bucket.put('said', new Blob(['a'], { type: 'image/png' }), { contentType: 'a/b' });
    t.is((await found(bucket.head('said'))).contentType, 'a/b');
  });

  withStore('gives every put an ETag of its own', async (t, store) => {
    const bucket = store.bucket('docs');
    const first = await bucket.put('key', 'same');
    const second = await bucket.put('key', 'same');
    t.regex(first.etag, /^"[0-9A-F]{32}"$/);
    t.not(first.etag, second.etag);
    t.is(first.checksums.crc64, second.checksums.crc64);
  });

  withStore(
    'takes Last-Modified from the clock',
    async (t, store) => {
      const put = await store.bucket('docs').put('key', 'text');
      t.is(put.lastModified.toISOString(), '2020-02-29T12:00:00.000Z');
    },
    { clock: () => new Date('2020-02-29T12:00:00Z') },
  );

  withStore('refuses metadata and headers that could not travel', async (t, store) => {
    const bucket = await store.createBucket('docs');
    const metadata = (value: Record<string, string>) =>
      bucket.put('key', 'text', { metadata: value });
    await t.notThrowsAsync(metadata({ a: 'x'.repeat(8191) }));
    await bucket.remove('key');
    await rejection(t, metadata({ a: 'x'.repeat(8192) }), 'InvalidArgument');
    await rejection(t, metadata({ a: 'é'.repeat(4096) }), 'InvalidArgument');
    const many = Object.fromEntries(Array.from({ length: 1200 }, (_, i) => [`name-${i}`, 'v']));
    await rejection(t, metadata(many), 'InvalidArgument');
    for (const name of ['', 'a b', 'a:b', 'ä', 'a\n', 'x'.repeat(256)])
      await rejection(t, metadata({ [name]: 'v' }), 'InvalidArgument', name);
    for (const value of ['a\nb', 'a\rb', 'a\0b', '\ud800', '\x7f'])
      await rejection(t, metadata({ name: value }), 'InvalidArgument', value);
    await rejection(t, metadata({ Name: 'a', name: 'b' }), 'InvalidArgument');
    await t.throwsAsync(metadata({ a: 7 as never }), { instanceOf: TypeError });
    await t.throwsAsync(metadata('text' as never), { instanceOf: TypeError });
    await t.throwsAsync(metadata(['text'] as never), { instanceOf: TypeError });
    for (const text of ['a\r\nb: c', 'a\0', 'ü', 'x'.repeat(3000)]) {
      await rejection(t, bucket.put('key', 'text', { contentType: text }), 'InvalidArgument');
      await rejection(
        t,
        bucket.put('key', 'text', { contentDisposition: text }),
        'InvalidArgument',
      );
    }
    await rejection(
      t,
      bucket.put('key', 'a', { expires: new Date(Number.NaN) }),
      'InvalidArgument',
    );
    await t.throwsAsync(bucket.put('key', 'a', { expires: '2030' as never }), {
      instanceOf: TypeError,
    });
    t.is(await bucket.head('key'), null);
  });

  withStore('reports progress of puts and gets', async (t, store) => {
    const bucket = store.bucket('docs');
    for (const size of [0, 10, 3 * megabyte]) {
      for (const body of [new Uint8Array(size), Readable.from([new Uint8Array(size)])]) {
        const reports: Progress[] = [];
        const started = Date.now();
        await bucket.put('key', body, { onProgress: (progress) => reports.push(progress) });
        checkReports(reports, Date.now() - started);
      }
      const reports: Progress[] = [];
      const started = Date.now();
      const body = await found(
        bucket.get('key', { onProgress: (progress) => reports.push(progress) }),
      );
      await bytesOf(body);
      checkReports(reports, Date.now() - started);
      t.is(reports.at(-1)?.total, size);

      function checkReports(reports: Progress[], ms: number): void {
        t.is(reports.at(-1)?.loaded, size);
        t.true(reports.length <= 1 + Math.ceil(ms / 100), `${reports.length} in ${ms} ms`);
        if (reports.at(-1)?.total !== undefined) t.is(reports.at(-1)?.percent, 100);
      }
    }
  });

  withStore('goes on when onProgress throws', async (t, store) => {
    const bucket = store.bucket('docs');
    const onProgress = () => {
      throw new Error('broken callback');
    };
    await bucket.put('key', 'text', { onProgress });
    t.is(await (await found(bucket.get('key', { onProgress }))).text(), 'text');
  });
};
