// Symlinks: get goes on to the target, one link deep; everything else is about the link.
import { randomBytes } from 'node:crypto';
import { found, megabyte, rejection, type Section } from './support.ts';

export const symlinkSection: Section = (withStore) => {
  withStore('follows a symlink to bodies of every size, whole and in part', async (t, store) => {
    const bucket = store.bucket('docs');
    for (const size of [1, 1000, 2 * megabyte]) {
      const bytes = randomBytes(size);
      const target = await bucket.put('target', bytes, { contentType: 'a/b' });
      const link = await bucket.symlink('link', 'target', { metadata: { a: 'b' } });
      t.is(link.type, 'Symlink');
      t.is(link.symlinkTarget, 'target');
      t.is(link.size, 0);
      t.deepEqual((await found(bucket.head('link'))).toJSON(), link.toJSON());
      t.is(link.httpHeaders().get('x-oss-symlink-target'), 'target');
      const body = await found(bucket.get('link'));
      t.deepEqual([body.key, body.symlinkTarget, body.type], ['link', 'target', 'Normal']);
      t.deepEqual([body.etag, body.size, body.contentType], [target.etag, size, 'a/b']);
      t.true(bytes.equals(await body.bytes()));
      const middle = size >> 1;
      for (const range of [{ offset: middle }, { suffix: size - middle }] as const) {
        const part = await found(bucket.get('link', { range }));
        t.true(bytes.subarray(middle).equals(await part.bytes()));
      }
      const tail = await bucket.file('link').slice(-1).bytes();
      t.deepEqual([...tail], [...bytes.subarray(-1)]);
      await rejection(t, bucket.get('link', { range: { offset: size } }), 'InvalidRange');
      const { etag } = target;
      await rejection(t, bucket.get('link', { onlyIf: { notEtag: etag } }), 'NotModified');
      await rejection(t, bucket.get('link', { onlyIf: { etag: link.etag } }), 'PreconditionFailed');
    }
    const types = (await bucket.list().toArray()).map(({ key, type }) => [key, type]);
    t.deepEqual(types, [
      ['link', 'Symlink'],
      ['target', 'Normal'],
    ]);
  });

  withStore('says what is wrong with the target of a symlink', async (t, store) => {
    const bucket = store.bucket('docs');
    await bucket.symlink('link', 'target');
    t.true(await bucket.has('link'));
    t.is((await rejection(t, bucket.get('link'), 'SymlinkTargetNotExist')).status, 404);
    await bucket.symlink('second', 'link');
    t.is((await rejection(t, bucket.get('second'), 'InvalidTargetType')).status, 400);
    await bucket.symlink('self', 'self');
    await rejection(t, bucket.get('self'), 'InvalidTargetType');
    await bucket.put('target', 'text');
    t.is(await (await found(bucket.get('link'))).text(), 'text');
  });

  withStore('replaces and removes symlinks like objects', async (t, store) => {
    const bucket = store.bucket('docs');
    await bucket.put('target', 'text');
    const first = await bucket.symlink('link', 'target');
    await rejection(
      t,
      bucket.symlink('link', 'b', { onlyIf: { absent: true } }),
      'FileAlreadyExists',
    );
    const second = await bucket.symlink('link', 'b', { onlyIf: { etag: first.etag } });
    t.not(second.etag, first.etag);
    await bucket.put('link', 'now a body');
    t.is(await (await found(bucket.get('link'))).text(), 'now a body');
    await bucket.symlink('link', 'target');
    await bucket.remove('link');
    t.is(await bucket.get('link'), null);
    t.is(await (await found(bucket.get('target'))).text(), 'text');
  });

  withStore('refuses symlinks that cannot be', async (t, store) => {
    const bucket = await store.createBucket('docs');
    for (const [key, target] of [
      ['', 'a'],
      ['a', ''],
      ['a', '/a'],
      ['a', 'x'.repeat(1024)],
    ] as const)
      await rejection(t, bucket.symlink(key, target), 'InvalidObjectName');
    await t.throwsAsync(bucket.symlink('a', 7 as never), { instanceOf: TypeError });
    for (const options of [{ size: 0 }, { checksum: {} }, { onProgress: () => {} }])
      await rejection(t, bucket.symlink('a', 'b', options as never), 'InvalidArgument');
    await rejection(t, bucket.symlink('a', 'b', { contentType: 'a\nb' }), 'InvalidArgument');
    t.deepEqual(await bucket.list().toArray(), []);
  });

  withStore('finds a target at every moment while its symlink moves on', async (t, store) => {
    const bucket = store.bucket('docs');
    const bodies = Array.from({ length: 30 }, (_, i) => Buffer.alloc(i % 2 ? 10 : 300_000, i));
    const put = (i: number) => bucket.put(`target-${i}`, bodies[i] ?? '');
    await put(0);
    await bucket.symlink('link', 'target-0');
    let moving = true;
    const reading = [{}, { range: { suffix: 5 } }].map(async (options) => {
      while (moving) {
        // Reads from memory alone would never let the loop turn, which a put may wait for.
        await new Promise((resolve) => setImmediate(resolve));
        const body = await found(bucket.get('link', options));
        const i = Number(body.symlinkTarget?.slice('target-'.length));
        const expected = 'range' in options ? bodies[i]?.subarray(-5) : bodies[i];
        t.true(expected?.equals(await body.bytes()));
      }
    });
    for (let i = 1; i < bodies.length; i++) {
      await put(i);
      await bucket.symlink('link', `target-${i}`);
      await bucket.remove(`target-${i - 1}`);
    }
    moving = false;
    await Promise.all(reading);
  });
};
