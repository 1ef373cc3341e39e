// Objects as answers of HTTP.
import { found, megabyte, rejection, type Section } from './support.ts';

export const responseSection: Section = (withStore) => {
  withStore('answers with the whole object and its headers', async (t, store) => {
    const bucket = store.bucket('docs');
    const put = await bucket.put('key', 'hello', {
      contentType: 'text/plain',
      cacheControl: 'no-store',
      metadata: { author: 'me' },
    });
    const response = (await found(bucket.get('key'))).toResponse();
    t.true(response instanceof Response);
    t.is(response.status, 200);
    t.deepEqual(
      [...response.headers].filter(([name]) => name !== 'accept-ranges'),
      [...put.httpHeaders()],
    );
    t.is(response.headers.get('accept-ranges'), 'bytes');
    t.is(response.headers.get('content-range'), null);
    t.is(await response.text(), 'hello');
  });

  withStore('answers with a part as 206, its length and its place', async (t, store) => {
    const bucket = store.bucket('docs');
    await bucket.put('key', 'hello world');
    const ranges = [
      [{ offset: 6 }, 'bytes 6-10/11', 'world'],
      [{ suffix: 1 }, 'bytes 10-10/11', 'd'],
      [{ offset: 0, length: 100 }, 'bytes 0-10/11', 'hello world'],
    ] as const;
    for (const [range, place, text] of ranges) {
      const response = (await found(bucket.get('key', { range }))).toResponse();
      t.is(response.status, 206);
      t.is(response.headers.get('content-range'), place);
      t.is(response.headers.get('content-length'), String(text.length));
      t.is(await response.text(), text);
    }
    const none = await found(bucket.get('key', { range: { offset: 3, length: 0 } }));
    const error = t.throws(() => none.toResponse(), { name: 'InvalidRangeError' });
    t.is((error as unknown as { status: number }).status, 416);
    t.is(await none.text(), '', 'the body is still there to be read');
  });

  withStore('lets the caller say more, and otherwise', async (t, store) => {
    const bucket = store.bucket('docs');
    await bucket.put('key', 'hello');
    const response = (await found(bucket.get('key'))).toResponse({
      status: 203,
      statusText: 'Changed on the way',
      headers: { 'Content-Type': 'text/x-other', 'x-own': 'yes' },
    });
    t.is(response.status, 203);
    t.is(response.statusText, 'Changed on the way');
    t.is(response.headers.get('content-type'), 'text/x-other');
    t.is(response.headers.get('x-own'), 'yes');
    t.is(response.headers.get('content-length'), '5');
  });

  withStore('streams its answer, once, and lets go of what nobody reads', async (t, store) => {
    const bucket = store.bucket('docs');
    await bucket.put('key', new Uint8Array(3 * megabyte).fill(7));
    const whole = (await found(bucket.get('key'))).toResponse();
    let size = 0;
    for await (const piece of whole.body as unknown as AsyncIterable<Uint8Array>) {
      t.true(piece.length <= megabyte && piece.every((byte) => byte === 7));
      size += piece.length;
    }
    t.is(size, 3 * megabyte);

    const notModified = await found(bucket.get('key'));
    t.is(notModified.toResponse({ status: 304 }).body, null);
    t.true(notModified.bodyUsed);
    t.throws(() => notModified.readable(), { instanceOf: TypeError });

    const dropped = await found(bucket.get('key'));
    await dropped.toResponse().body?.cancel();
    // An answered object can be stored again: a Response is a body.
    await bucket.put('copy', (await found(bucket.get('key'))).toResponse());
    t.is((await found(bucket.head('copy'))).size, 3 * megabyte);
    await rejection(t, bucket.put('key', 'x', { onlyIf: { absent: true } }), 'FileAlreadyExists');
  });

  withStore('breaks off the answer when its bytes fail', async (t, store) => {
    const bucket = store.bucket('docs');
    await bucket.put('key', new Uint8Array(3 * megabyte));
    const controller = new AbortController();
    const body = await found(bucket.get('key', { signal: controller.signal }));
    const response = body.toResponse();
    controller.abort();
    await rejection(t, response.arrayBuffer(), 'ABORTED');
  });
};
