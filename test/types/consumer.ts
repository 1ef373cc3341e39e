// What a user's compiler accepts and refuses. Compiled against the declarations that are shipped,
// with skipLibCheck false (types.test.ts); never run.
import { Blob } from 'node:buffer';
import { createReadStream } from 'node:fs';
import type { Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type {
  Body,
  Bucket,
  BucketInfo,
  ErrorCode,
  EventsConfig,
  HealthStatus,
  Listing,
  Logger,
  ObjectBody,
  ObjectEvent,
  ObjectFile,
  ObjectWriteStream,
  OpenOptions,
  Progress,
  Range,
  Store,
  StoredObject,
  Transaction,
  TransactionBucket,
} from 'strongroom';
import { open, openMemory, StoreError } from 'strongroom';

export async function right(): Promise<void> {
  await using store: Store = await open('./data', {
    create: true,
    zones: 3,
    rootKey: { passphrase: 'secret' },
    geometry: { large: '4+2' },
    zoneDeadlineMs: 500,
    clock: () => new Date(),
    logger: console,
    signal: AbortSignal.timeout(1000),
  });
  await open(new URL('file:///data'), { readOnly: true, zones: ['/a', '/b', '/c'] });
  await open('./data', { rootKey: new Uint8Array(32) });
  await open('./data', { rootKey: async () => new Uint8Array(32) });
  const memory: Store = await openMemory({ autoCreateBuckets: false });
  const bucket: Bucket = store.bucket('docs');
  const made: Bucket = await memory.createBucket('docs', { ifNotExists: true });
  for await (const info of store.buckets({ prefix: 'd' })) use<BucketInfo>(info);

  const signal = AbortSignal.timeout(1000);
  const from: string = await bucket.events.last();
  const type = ['ObjectCreated:Put', 'ObjectRemoved:Delete'] as const;
  for await (const event of bucket.watch({ from, prefix: 'a/', suffix: '.jpg', type, signal }))
    use<ObjectEvent>(event);
  await bucket.events.set({ keep: 100 });
  use<EventsConfig | null>(await bucket.events.get());

  const bodies: Body[] = [
    'text',
    new ArrayBuffer(8),
    new Uint8Array(8),
    new DataView(new ArrayBuffer(8)),
    new Blob(['a']),
    createReadStream('file'),
    new Response('a'),
    new ReadableStream<Uint8Array>(),
    [new Uint8Array(1)],
    null,
  ];
  for (const body of bodies) use<StoredObject>(await bucket.put('key', body));
  const options = { contentType: 'a/b', metadata: { a: 'b' }, tags: { a: 'b' }, size: 7 };
  await bucket.put('key', 'text', { ...options, onlyIf: { absent: true } });
  await bucket.put('key', 'text', { onProgress: (progress: Progress) => progress.loaded });

  await bucket.put('key', 'text', {
    checksum: { md5: true, crc64: '0', sha1: new Uint8Array(20) },
  });
  await bucket.put('key', 'text', { onlyIf: new Headers({ 'if-none-match': '*' }) });
  await bucket.head('key', { onlyIf: { notEtag: 'a', modifiedSince: new Date() } });
  await bucket.remove('key', { onlyIf: new Headers() });

  const body: ObjectBody | null = await bucket.get('key', { range: { offset: 1 } });
  if (body !== null) {
    use<string>(await body.text());
    use<{ a: number }>(await body.json<{ a: number }>());
    use<void>(await body.saveTo(new URL('file:///a'), { signal: AbortSignal.timeout(1) }));
    use<Response>(body.toResponse({ status: 203, headers: { 'x-a': 'b' } }));
    use<Uint8Array>(await body.bytes());
    use<ArrayBuffer>(await body.arrayBuffer());
    for await (const piece of body) use<Uint8Array>(piece);
    use<number | undefined>(body.range?.offset);
    use<string>(body.etag);
    use<Date>(body.lastModified);
    use<string>(body.checksums.crc64);
    use<string | undefined>(body.checksums.sha256);
    await body[Symbol.asyncDispose]();
  }
  const ranges: Range[] = [
    { offset: 1 },
    { length: 1 },
    { offset: 1, length: 1 },
    { suffix: 1 },
    'bytes=0-1',
  ];
  for (const range of ranges) await bucket.get('key', { range });
  use<boolean>(await bucket.has('key'));
  use<number | undefined>((await bucket.head('key'))?.size);
  const { removed, errors } = await bucket.remove(['a', 'b']);
  use<string[]>(removed.map(({ key }) => key));
  use<StoreError[]>(errors.map(({ error }) => error));
  const listing: Listing<StoredObject> = bucket.list({
    prefix: 'a',
    delimiter: '/',
    reverse: true,
  });
  for await (const page of listing.pages()) use<string | undefined>(page.cursor);
  for await (const prefix of listing.prefixes()) use<string>(prefix);
  use<StoredObject[]>(await listing.toArray());
  const file: ObjectFile = bucket.file('key').slice(1).slice(-5, -1, 'text/plain');
  use<string>(await file.text());
  use<{ a: number }>(await file.json<{ a: number }>());
  use<StoredObject>(await file.write(file.stream(), { size: 5 }));
  const stream: ObjectWriteStream & Writable = file.writer({ contentType: 'text/plain' });
  await pipeline(file.readable({ highWaterMark: 1 }), stream);
  use<StoredObject>(await stream.done);
  use<HealthStatus>(await store.health.status());
  const answer: number = await store.transaction(
    async (tx: Transaction) => {
      const docs: TransactionBucket = tx.bucket('docs');
      await docs.put('key', 'text', { tags: { a: 'b' } });
      docs.remove('key', { onlyIf: { etag: 'a' } });
      docs.require('other', { absent: true });
      return 7;
    },
    { signal: AbortSignal.timeout(1000) },
  );
  use<number>(answer);
  use<StoredObject>(await bucket.symlink('link', 'key', { onlyIf: { absent: true } }));
  use<Record<string, string> | null>(await bucket.tags.object('key').get());
  await bucket.tags.object('key').set({ a: 'b' });
  await made.delete({ force: true });
  const logger: Logger = console;
  use<OpenOptions>({ logger });

  try {
    await store.close();
  } catch (error) {
    if (StoreError.is(error, 'STORE_CLOSED', 'ABORTED')) use<ErrorCode>(error.code);
  }
}

export async function wrong(store: Store): Promise<void> {
  const bucket = store.bucket('docs');
  // @ts-expect-error a path is needed
  await open();
  // @ts-expect-error no such number of zones
  await open('./data', { zones: 2 });
  // @ts-expect-error unknown option
  await open('./data', { zone: 3 });
  // @ts-expect-error a bare string is no root key
  await open('./data', { rootKey: 'secret' });
  // @ts-expect-error one source at a time
  await open('./data', { rootKey: { file: 7 } });
  // @ts-expect-error memory has no zones
  await openMemory({ zones: 3 });
  // @ts-expect-error plain objects are no bodies
  await bucket.put('key', { a: 1 });
  // @ts-expect-error nor are numbers
  await bucket.put('key', 7);
  // @ts-expect-error nor is undefined
  await bucket.put('key', undefined);
  // @ts-expect-error unknown option
  await bucket.put('key', 'text', { contenttype: 'a/b' });
  // @ts-expect-error metadata is text
  await bucket.put('key', 'text', { metadata: { a: 1 } });
  // @ts-expect-error unknown checksum
  await bucket.put('key', 'text', { checksum: { md6: true } });
  // @ts-expect-error absent is true or left out
  await bucket.put('key', 'text', { onlyIf: { absent: false } });
  // @ts-expect-error `has` asks no condition
  await bucket.has('key', { onlyIf: { etag: 'a' } });
  // @ts-expect-error null when absent
  (await bucket.get('key')).text();
  // @ts-expect-error no type of an event
  bucket.watch({ type: ['ObjectCreated'] });
  // @ts-expect-error an empty range
  await bucket.get('key', { range: {} });
  // @ts-expect-error not a range of bytes
  await bucket.get('key', { range: 'items=0-1' });
  // @ts-expect-error unknown code
  StoreError.is(new Error(), 'NoSuchThing');
  // @ts-expect-error fields are read only
  (await bucket.put('key', 'text')).size = 7;
  // @ts-expect-error handles come from a store
  new Bucket(store, 'docs');
  // @ts-expect-error presigned addresses do not exist yet, and neither do their types
  bucket.file('key').presign();
  // @ts-expect-error a slice is made of numbers
  bucket.file('key').slice('1');
  // @ts-expect-error `done` is told, not set
  bucket.createWriteStream('key').done = Promise.reject(new Error());
  // @ts-expect-error `remove` is the verb for objects
  await bucket.delete('key');
}

function use<T>(_value: T): void {}
