// Objects saved as files: whole or not at all, and nothing beside them.
import { randomBytes } from 'node:crypto';
import { chmod, lstat, mkdir, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Progress } from '../../lib/index.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { edgeBodies, found, megabyte, rejection, type Section } from './support.ts';

export const saveSection: Section = (withStore) => {
  withStore('saves objects of every size, and parts of them', async (t, store) => {
    const folder = await temporaryFolder(t);
    const bucket = store.bucket('docs');
    for (const [size, bytes] of edgeBodies()) {
      await bucket.put('key', bytes);
      const target = join(folder, `${size}.bin`);
      await (await found(bucket.get('key'))).saveTo(target);
      t.deepEqual(await readFile(target), bytes, `${size} bytes`);
      if (size < 2) continue;
      const part = await found(bucket.get('key', { range: { offset: 1, length: size - 1 } }));
      await part.saveTo(pathToFileURL(target));
      t.deepEqual(await readFile(target), bytes.subarray(1), `all but one of ${size} bytes`);
    }
    const expected = [...edgeBodies().keys()].map((size) => `${size}.bin`);
    t.deepEqual((await readdir(folder)).sort(), expected.sort());
  });

  withStore(
    'saves for the owner alone, and keeps the mode of a file it replaces',
    async (t, store) => {
      const folder = await temporaryFolder(t);
      const bucket = store.bucket('docs');
      await bucket.put('key', 'after');
      const target = join(folder, 'file');
      const save = async () => (await found(bucket.get('key'))).saveTo(target);
      const mode = async () => (await stat(target)).mode & 0o777;
      await save();
      t.is(await mode(), 0o600);
      await writeFile(target, 'a longer text from before');
      await chmod(target, 0o664);
      await save();
      t.is(await mode(), 0o664);
      t.is(await readFile(target, 'utf8'), 'after');
    },
  );

  withStore('replaces a link instead of writing through it', async (t, store) => {
    const folder = await temporaryFolder(t);
    const bucket = store.bucket('docs');
    await bucket.put('key', 'after');
    await writeFile(join(folder, 'precious'), 'before');
    await symlink(join(folder, 'precious'), join(folder, 'file'));
    await (await found(bucket.get('key'))).saveTo(join(folder, 'file'));
    t.true((await lstat(join(folder, 'file'))).isFile());
    t.is(await readFile(join(folder, 'precious'), 'utf8'), 'before');
    t.is(await readFile(join(folder, 'file'), 'utf8'), 'after');
  });

  withStore('leaves the target and nothing else when a save is aborted', async (t, store) => {
    const folder = await temporaryFolder(t);
    const bucket = store.bucket('docs');
    await bucket.put('key', randomBytes(8 * megabyte));
    const target = join(folder, 'file');
    await writeFile(target, 'before');
    const unchanged = async () => {
      t.deepEqual(await readdir(folder), ['file']);
      t.is(await readFile(target, 'utf8'), 'before');
    };

    const early = await found(bucket.get('key'));
    const reason = new Error('no longer wanted');
    const error = await rejection(
      t,
      early.saveTo(target, { signal: AbortSignal.abort(reason) }),
      'ABORTED',
    );
    t.is(error.cause, reason);
    t.true(early.bodyUsed);
    await unchanged();

    // Aborted by the bytes themselves: after the file is made, before it is whole.
    const midway = new AbortController();
    let watched = 0;
    let loaded = 0;
    const onProgress = (progress: Progress) => {
      loaded = progress.loaded;
    };
    const body = await found(bucket.get('key', { onProgress }));
    const saving = body.saveTo(target, { signal: midway.signal });
    while (watched === 0 && (await stat(target)).size === 6) {
      const partial = (await readdir(folder)).find((name) => name.endsWith('.partial'));
      if (partial === undefined) continue;
      watched++;
      midway.abort();
    }
    t.is(watched, 1, 'the temporary file was seen');
    await rejection(t, saving, 'ABORTED');
    t.true(loaded < 8 * megabyte, 'the rest was not read');
    await unchanged();

    // The signal of the get counts as well.
    const whole = new AbortController();
    const got = await found(bucket.get('key', { signal: whole.signal }));
    const pending = got.saveTo(target);
    whole.abort();
    await rejection(t, pending, 'ABORTED');
    await unchanged();
  });

  withStore('passes the errors of the file system and leaves nothing', async (t, store) => {
    const folder = await temporaryFolder(t);
    const bucket = store.bucket('docs');
    await bucket.put('key', randomBytes(3 * megabyte));
    await mkdir(join(folder, 'taken'));
    await writeFile(join(folder, 'taken/inside'), '');
    const save = async (file: string) => (await found(bucket.get('key'))).saveTo(file);
    await t.throwsAsync(save(join(folder, 'missing/file')), { code: 'ENOENT' });
    await t.throwsAsync(save(join(folder, 'taken')), { code: 'EISDIR' });
    await t.throwsAsync(save(join(folder, 'taken/inside/file')), { code: 'ENOTDIR' });
    t.deepEqual(await readdir(folder), ['taken']);
    t.deepEqual(await readdir(join(folder, 'taken')), ['inside']);
  });

  withStore('says what a save cannot do before it reads', async (t, store) => {
    const folder = await temporaryFolder(t);
    const bucket = store.bucket('docs');
    await bucket.put('key', 'text');
    const body = await found(bucket.get('key'));
    for (const file of ['', 7, null, undefined, {}, Buffer.from('file')])
      await t.throwsAsync(body.saveTo(file as never), { instanceOf: TypeError }, String(file));
    await t.throwsAsync(body.saveTo(new URL('https://example.com/file')), {
      instanceOf: TypeError,
    });
    await rejection(t, body.saveTo(join(folder, 'a'), { sgnal: 1 } as never), 'InvalidArgument');
    t.is(await body.text(), 'text');
    await t.throwsAsync(body.saveTo(join(folder, 'a')), { instanceOf: TypeError });
    t.deepEqual(await readdir(folder), []);
  });
};
