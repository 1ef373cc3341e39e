// Root keys: every source, what is refused, what is overwritten; and the hint in the superblock.
import { createSecretKey, generateKeyPairSync, randomBytes } from 'node:crypto';
import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { StoreError } from '../../lib/errors.ts';
import { createKeyFile, isExposed } from '../../lib/keys/key-file.ts';
import { decodeHint, encodeHint } from '../../lib/keys/root-hint.ts';
import { checkRootKey, fetchRootKey, type RootKey } from '../../lib/keys/root-key.ts';
import { rejection } from '../suite/support.ts';

const plain = Uint8Array.of(1, 0);

async function folder(t: ExecutionContext): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'strongroom-'));
  t.teardown(() => rm(path, { recursive: true, force: true }));
  return path;
}

async function fetched(source: RootKey, hint: Uint8Array | null = null): Promise<string> {
  checkRootKey(source);
  return Buffer.from((await fetchRootKey(source, hint)).key).toString('hex');
}

test('bytes, KeyObjects and functions', async (t) => {
  const key = randomBytes(32);
  const hex = key.toString('hex');
  t.is(await fetched(createSecretKey(key)), hex);
  t.is(await fetched(() => Uint8Array.from(key)), hex);
  t.is(await fetched(async () => Uint8Array.from(key)), hex);
  t.is(await fetched(Uint8Array.from(key), plain), hex);
  t.deepEqual((await fetchRootKey(Uint8Array.from(key), null)).hint, plain);
});

test('byte arrays are overwritten, and what was overwritten is refused', async (t) => {
  const given = randomBytes(32);
  const returned = randomBytes(32);
  await fetchRootKey(given, null);
  await fetchRootKey(() => returned, null);
  t.deepEqual(given, Buffer.alloc(32));
  t.deepEqual(returned, Buffer.alloc(32));
  const error = t.throws(() => checkRootKey(given));
  t.true(StoreError.is(error, 'InvalidArgument'));
  t.regex(error?.message ?? '', /all zeros/);
});

test('environment and files: raw, hex, base64', async (t) => {
  const path = await folder(t);
  // Raw bytes in an environment variable are text, so the key is text here.
  const key = Buffer.from('0123456789abcdefghijklmnopqrstuv');
  const hex = key.toString('hex');
  const forms = {
    raw: key,
    hex: hex,
    'upper hex': hex.toUpperCase(),
    'hex with a line end': `${hex}\n`,
    base64: key.toString('base64'),
    base64url: key.toString('base64url'),
    'base64 with a line end': `${key.toString('base64')}\r\n`,
  };
  for (const [form, content] of Object.entries(forms)) {
    const file = join(path, 'key');
    await writeFile(file, content);
    t.is(await fetched({ file }), hex, form);
    process.env.STRONGROOM_TEST_KEY = content.toString();
    t.is(await fetched({ env: 'STRONGROOM_TEST_KEY' }), hex, form);
  }
  const binary = randomBytes(32);
  await writeFile(join(path, 'binary'), binary);
  t.is(await fetched({ file: join(path, 'binary') }), binary.toString('hex'));
});

test('what is no key', async (t) => {
  const path = await folder(t);
  for (const content of [
    '',
    'short',
    'x'.repeat(31),
    'x'.repeat(33),
    'x'.repeat(5000),
    'zz'.repeat(32),
  ]) {
    const file = join(path, 'key');
    await writeFile(file, content);
    await rejection(t, fetchRootKey({ file }, null), 'InvalidArgument', content.slice(0, 40));
    process.env.STRONGROOM_TEST_BAD = content;
    await rejection(t, fetchRootKey({ env: 'STRONGROOM_TEST_BAD' }, null), 'InvalidArgument');
  }
  await rejection(t, fetchRootKey({ env: 'STRONGROOM_NOT_SET' }, null), 'InvalidArgument');
  await rejection(t, fetchRootKey({ file: join(path, 'none') }, plain), 'WRONG_ROOT_KEY');
  await rejection(t, fetchRootKey({ file: path }, plain), 'WRONG_ROOT_KEY');
  await rejection(
    t,
    fetchRootKey(() => new Uint8Array(31), null),
    'InvalidArgument',
  );
  await rejection(
    t,
    fetchRootKey(() => new Uint8Array(32), null),
    'InvalidArgument',
  );
  await t.throwsAsync(fetchRootKey((() => 'text') as never, null), { instanceOf: TypeError });
  await t.throwsAsync(
    fetchRootKey(() => {
      throw new Error('vault is away');
    }, null),
    { message: 'vault is away' },
  );
  const unfit: [unknown, 'type' | 'argument'][] = [
    [new Uint8Array(31), 'argument'],
    [Buffer.alloc(64, 1), 'argument'],
    [createSecretKey(randomBytes(16)), 'argument'],
    [generateKeyPairSync('ed25519').privateKey, 'argument'],
    [{}, 'argument'],
    [{ env: 'A', file: 'b' }, 'argument'],
    [{ fiel: 'a' }, 'argument'],
    [{ file: '' }, 'argument'],
    [{ passphrase: '' }, 'argument'],
    [{ file: 7 }, 'type'],
    ['secret', 'type'],
    [null, 'type'],
    [7, 'type'],
  ];
  for (const [source, kind] of unfit) {
    const error = t.throws(() => checkRootKey(source as RootKey));
    t.is(kind, error instanceof TypeError ? 'type' : 'argument');
    if (kind === 'argument') t.true(StoreError.is(error, 'InvalidArgument'));
  }
});

test('a passphrase gives the same key with the hint that was stored, and no other', async (t) => {
  const made = await fetchRootKey({ passphrase: 'grüße' }, null);
  t.is(made.key.length, 32);
  t.is(made.hint.length, 37);
  // The same text typed on another keyboard.
  t.deepEqual(await fetchRootKey({ passphrase: 'gru\u0308ße' }, made.hint), made);
  // The smallest parameters that are allowed.
  const [quick, salted] = [5, 6].map((salt) =>
    encodeHint({ logN: 14, r: 8, p: 1, salt: new Uint8Array(32).fill(salt) }),
  ) as [Uint8Array, Uint8Array];
  const key = await fetched({ passphrase: 'grüße' }, quick);
  t.is(await fetched({ passphrase: 'grüße' }, quick), key);
  t.not(await fetched({ passphrase: 'grüsse' }, quick), key);
  t.not(await fetched({ passphrase: 'grüße' }, salted), key);
  await rejection(t, fetchRootKey({ passphrase: 'grüße' }, plain), 'WRONG_ROOT_KEY');
});

test('hints are bounded before they are used', (t) => {
  const salt = new Uint8Array(32).fill(5);
  const good = encodeHint({ logN: 17, r: 8, p: 1, salt });
  t.deepEqual(decodeHint(good), { logN: 17, r: 8, p: 1, salt });
  t.is(decodeHint(plain), null);
  const bad: number[][] = [
    [],
    [1],
    [1, 2],
    [1, 0, 0],
    [...good, 0],
    [...good.slice(0, -1)],
    ...[
      [13, 8, 1],
      [21, 8, 1],
      [255, 8, 1],
      [17, 0, 1],
      [17, 255, 1],
      [17, 8, 0],
      [17, 8, 255],
    ].map((parameters) => [1, 1, ...parameters, ...salt]),
  ];
  for (const hint of bad) {
    const error = t.throws(() => decodeHint(Uint8Array.from(hint)));
    t.true(StoreError.is(error, 'STORE_CORRUPT', 'STORE_VERSION'), String(hint));
  }
  t.true(
    StoreError.is(
      t.throws(() => decodeHint(Uint8Array.of(2, 0))),
      'STORE_VERSION',
    ),
  );
});

test('key files are made once, for their owner only', async (t) => {
  const file = join(await folder(t), 'store.rootkey');
  await createKeyFile(file);
  const key = await readFile(file);
  t.is(key.length, 32);
  await createKeyFile(file);
  t.deepEqual(await readFile(file), key);
  t.deepEqual(await readdir(dirname(file)), ['store.rootkey']);
  t.is(await fetched({ file }), key.toString('hex'));
  await rejection(t, createKeyFile(join(file, 'below a file')), 'STORE_IO');
  if (process.platform === 'win32') return;
  t.is((await stat(file)).mode & 0o777, 0o600);
  t.false(await isExposed(file));
  await chmod(file, 0o644);
  t.true(await isExposed(file));
});

test('key files made at once are one', async (t) => {
  const file = join(await folder(t), 'store.rootkey');
  await Promise.all(Array.from({ length: 8 }, () => createKeyFile(file)));
  t.deepEqual(await readdir(dirname(file)), ['store.rootkey']);
  t.is((await readFile(file)).length, 32);
});
