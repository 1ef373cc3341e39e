// Handles on single objects, which are read in the manner of a Blob.
import { Blob } from 'node:buffer';
import { randomBytes } from 'node:crypto';
import { setImmediate as turn } from 'node:timers/promises';
import { bytesOf, Dice, megabyte, rejection, type Section } from './support.ts';

export const fileSection: Section = (withStore) => {
  withStore('reads, writes and removes through a file handle', async (t, store) => {
    const bucket = store.bucket('docs');
    const file = bucket.file('notes/2025/hello.json');
    t.is(file.key, 'notes/2025/hello.json');
    t.is(file.name, 'hello.json');
    t.is(bucket.file('flat').name, 'flat');
    t.is(bucket.file('folder/').name, '');
    const put = await file.write('{"a":1}', { contentType: 'application/json' });
    t.is((await file.stat()).etag, put.etag);
    t.is((await file.stat()).contentType, 'application/json');
    t.true(await file.exists());
    t.is(await file.text(), '{"a":1}');
    t.deepEqual(await file.json(), { a: 1 });
    t.deepEqual(await file.bytes(), new Uint8Array(Buffer.from('{"a":1}')));
    t.is((await file.arrayBuffer()).byteLength, 7);
    t.is((await bytesOf(file.readable())).toString(), '{"a":1}');
    t.is((await bytesOf(file.stream())).toString(), '{"a":1}');
    // It remembers nothing: the next reading sees the next object.
    await bucket.put(file.key, '[]');
    t.is(await file.text(), '[]');
    await file.remove();
    t.false(await file.exists());
    await file.remove();
  });

  withStore('streams a large object through a file handle', async (t, store) => {
    const bytes = randomBytes(3 * megabyte + 5);
    const file = store.bucket('docs').file('large');
    await file.write(bytes);
    t.deepEqual(await bytesOf(file.stream()), bytes);
    t.deepEqual(await bytesOf(file.readable({ highWaterMark: 1 })), bytes);
    t.deepEqual(await bytesOf(file.slice(5, -5).stream()), bytes.subarray(5, -5));
    // What is let go of half-way can be read again.
    for await (const piece of file.stream()) {
      t.true(piece.length > 0);
      break;
    }
    for await (const piece of file.readable()) {
      t.true(piece.length > 0);
      break;
    }
    t.is((await file.bytes()).length, bytes.length);
  });

  withStore('does nothing before it reads, and says NoSuchKey when it must', async (t, store) => {
    const bucket = store.bucket('docs');
    const file = bucket.file('missing');
    for (const part of [file, file.slice(3), file.slice(-3), file.slice(0, 0)]) {
      const [stream, readable] = [part.stream(), part.readable()];
      await rejection(t, part.text(), 'NoSuchBucket');
      await rejection(t, bytesOf(stream), 'NoSuchBucket');
      await rejection(t, bytesOf(readable), 'NoSuchBucket');
    }
    await store.createBucket('docs');
    for (const part of [file, file.slice(3), file.slice(-3), file.slice(0, 0)]) {
      const error = await rejection(t, part.bytes(), 'NoSuchKey');
      t.is(error.status, 404);
      t.is(error.bucket, 'docs');
      t.is(error.key, 'missing');
      await rejection(t, part.text(), 'NoSuchKey');
      await rejection(t, part.json(), 'NoSuchKey');
      await rejection(t, part.arrayBuffer(), 'NoSuchKey');
      await rejection(t, part.stat(), 'NoSuchKey');
      await rejection(t, bytesOf(part.stream()), 'NoSuchKey');
      await rejection(t, bytesOf(part.readable()), 'NoSuchKey');
      t.false(await part.exists());
    }
    await rejection(t, bucket.file('/no key').text(), 'InvalidObjectName');
  });

  withStore('slices as a Blob does', async (t, store) => {
    const bytes = randomBytes(1000);
    const blob = new Blob([bytes]);
    const file = store.bucket('docs').file('key');
    await file.write(bytes);
    const dice = new Dice();
    t.log(`seed ${dice.seed}`);
    const places = [undefined, 0, 1, 999, 1000, 1001, 2 ** 53, 1e300, -1, -999, -1000, -1001];
    const place = () => (dice.below(3) === 0 ? dice.below(2400) - 1200 : dice.pick(places));
    for (let i = 0; i < 300; i++) {
      let [ours, theirs] = [file.slice(), blob.slice()];
      const path: (number | undefined)[] = [];
      for (let depth = 1 + dice.below(3); depth > 0; depth--) {
        const [begin, end] = [place(), place()];
        path.push(begin, end);
        ours = ours.slice(begin, end);
        theirs = theirs.slice(clamp(begin), clamp(end));
      }
      const expected = Buffer.from(await theirs.arrayBuffer());
      const about = `seed ${dice.seed}, ${JSON.stringify(path)}`;
      if (!expected.equals(await ours.bytes())) t.fail(about);
      if (i % 10 === 0) t.deepEqual(await bytesOf(ours.stream()), expected, about);
    }
    const end = 2 ** 53 - 1;
    t.is((await file.slice(end).slice(end).bytes()).length, 0);
    for (const begin of [1, 4, 996])
      t.is((await file.slice(begin).slice(0, end).bytes()).length, 1000 - begin);
    t.deepEqual(await file.slice(1.9, 3.9).bytes(), new Uint8Array(bytes.subarray(1, 3)));
    t.is((await file.slice(Number.NaN, 1).bytes()).length, 1);
    t.throws(() => file.slice('1' as never), { instanceOf: TypeError });
    t.is(file.slice(0, 1, 'text/plain').type, 'text/plain');
    t.is(file.slice(0, 1, 'text/plain').slice().type, '');
    t.is(file.type, '');
  });

  withStore('slices an empty object into empty parts', async (t, store) => {
    const file = store.bucket('docs').file('key');
    await file.write(null);
    for (const part of [file, file.slice(1), file.slice(0, 1), file.slice(-1), file.slice(0, 0)]) {
      t.is(await part.text(), '');
      t.is((await part.arrayBuffer()).byteLength, 0);
      t.is((await bytesOf(part.readable())).length, 0);
      t.is((await bytesOf(part.stream())).length, 0);
    }
  });

  withStore('reads the end of one object while it is replaced', async (t, store) => {
    const file = store.bucket('docs').file('key');
    const text = (i: number) => String(i % 10).repeat(1 + (i % 7));
    await file.write(text(0));
    let writing = true;
    const writer = (async () => {
      for (let i = 0; i < 60; i++) await file.write(text(i));
      writing = false;
    })();
    while (writing) {
      // Reads from memory alone would never let the loop turn, which a put may wait for.
      await turn();
      const end = await file.slice(-3).text();
      t.regex(end, /^(\d)\1*$/);
    }
    await writer;
  });

  withStore('only reads a slice', async (t, store) => {
    const slice = store.bucket('docs').file('key').slice(0, 3);
    await rejection(t, slice.write('text'), 'InvalidArgument');
    await rejection(t, slice.remove(), 'InvalidArgument');
    t.throws(() => slice.writer(), { name: 'InvalidArgumentError' });
    t.false(await store.bucket('docs').exists());
  });

  /** V8 counts Blob.slice() in 64 bits, and wraps; ours ends at the end. */
  function clamp(place: number | undefined): number | undefined {
    return place === undefined ? undefined : Math.min(Math.max(place, -1e6), 1e6);
  }
};
