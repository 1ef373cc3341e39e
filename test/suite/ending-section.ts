// How an open body ends: with its last byte, or with an error. Nothing in between, since whoever
// takes a part for the whole stores or serves it as such.
import { randomBytes } from 'node:crypto';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { finished } from 'node:stream/promises';
import type { ObjectBody } from '../../lib/index.ts';
import { readings } from './body-section.ts';
import { bytesOf, found, megabyte, rejection, type Section } from './support.ts';

/** Takes pieces until all bytes are there, and does not ask whether more follow. */
async function last(size: number, next: () => Promise<unknown>): Promise<void> {
  for (let got = 0; got < size; ) got += ((await next()) as Uint8Array).length;
}

function flowed(size: number, readable: Readable): Promise<void> {
  let got = 0;
  return new Promise((resolve) => {
    readable.on('data', (bytes: Uint8Array) => {
      got += bytes.length;
      if (got === size) resolve();
    });
  });
}

export const endingSection: Section = (withStore) => {
  withStore('never passes a part of a disposed body for the whole', async (t, store) => {
    const bucket = store.bucket('docs');
    await bucket.put('large', randomBytes(4 * megabyte));
    const folder = await mkdtemp(join(tmpdir(), 'strongroom-'));
    t.teardown(() => rm(folder, { recursive: true, force: true }));
    const ways: Record<string, (body: ObjectBody) => Promise<unknown>> = {
      ...readings,
      text: (body) => body.text(),
      saveTo: (body) => body.saveTo(join(folder, 'file')),
      copy: (body) => bucket.put('copy', body.stream()),
    };
    for (const [way, read] of Object.entries(ways))
      for (const turns of [0, 1]) {
        // The classic slip: `await using body = …; return body.bytes();`, without an await.
        const body = await found(bucket.get('large'));
        const reading = read(body).then(
          () => 'read',
          (error) => error.code,
        );
        for (let turn = 0; turn < turns; turn++) await Promise.resolve();
        await body[Symbol.asyncDispose]();
        t.is(await reading, way === 'copy' ? 'IncompleteBody' : 'ABORTED', `${way}, ${turns}`);
      }
    t.false(await bucket.has('copy'));
    t.deepEqual(await readdir(folder), []);
  });

  withStore('ends a body with an error that is disposed between two pieces', async (t, store) => {
    const bucket = store.bucket('docs');
    await bucket.put('large', randomBytes(4 * megabyte));
    const iterated = await found(bucket.get('large'));
    const iterator = iterated[Symbol.asyncIterator]();
    t.false((await iterator.next()).done);
    await iterated[Symbol.asyncDispose]();
    await rejection(t, iterator.next(), 'ABORTED');

    const streamed = await found(bucket.get('large'));
    const reader = streamed.stream().getReader();
    t.false((await reader.read()).done);
    await streamed[Symbol.asyncDispose]();
    await rejection(t, reader.read(), 'ABORTED');

    await bucket.put('small', 'text');
    const small = await found(bucket.get('small'));
    const unread = small.stream();
    await small[Symbol.asyncDispose]();
    await rejection(t, bytesOf(unread), 'ABORTED');
  });

  withStore('disposes of a body that was read to its end without a word', async (t, store) => {
    const bucket = store.bucket('docs');
    for (const size of [0, 10, megabyte + 1]) {
      const bytes = randomBytes(size);
      await bucket.put('key', bytes);
      for (const [way, read] of Object.entries(readings)) {
        const body = await found(bucket.get('key'));
        const got = await read(body);
        await body[Symbol.asyncDispose]();
        t.true(bytes.equals(got), `${size} bytes by ${way}`);
      }
    }
  });

  withStore('ends a body well whose store closes behind the last byte', async (t, store) => {
    const bucket = store.bucket('docs');
    const ends: (() => Promise<unknown>)[] = [];
    for (const size of [10, megabyte + 1]) {
      await bucket.put('key', new Uint8Array(size));
      const iterator = (await found(bucket.get('key')))[Symbol.asyncIterator]();
      const readable = (await found(bucket.get('key'))).readable();
      const reader = (await found(bucket.get('key'))).stream().getReader();
      await last(size, async () => (await iterator.next()).value);
      await last(size, async () => (await reader.read()).value);
      await flowed(size, readable);
      ends.push(async () => t.true((await iterator.next()).done));
      ends.push(async () => t.true((await reader.read()).done));
      ends.push(() => finished(readable.resume()));
    }
    await store.close();
    for (const end of ends) await t.notThrowsAsync(end());
  });

  withStore('leaves a small body to who has it, whatever fires or closes', async (t, store) => {
    const bucket = store.bucket('docs');
    const bytes = randomBytes(1000);
    await bucket.put('key', bytes);
    const controller = new AbortController();
    const { signal } = controller;
    const bodies = new Map<string, ObjectBody>();
    for (const way of Object.keys(readings))
      bodies.set(way, await found(bucket.get('key', { signal })));
    controller.abort();
    await store.close();
    for (const [way, body] of bodies)
      t.true(bytes.equals(await (readings[way] ?? bytesOf)(body)), way);
  });
};
