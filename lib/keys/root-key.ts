// Root keys: 32 bytes from wherever the caller keeps them. The root key wraps the ring key and
// nothing else. Byte arrays are copied in once and overwritten; strings cannot be.
import { KeyObject, type ScryptOptions, scrypt } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';
import { promisify } from 'node:util';
import { invalidArgument, StoreError } from '../errors.ts';
import { isRecord } from '../options.ts';
import { decodeHint, encodeHint, newScryptHint, type ScryptHint } from './root-hint.ts';

/**
 * Where the root key comes from: 32 bytes. `{ env }` and `{ file }` hold them raw, as 64 hex digits
 * or as base64. A byte array, also one that a callback returns, is overwritten with zeros once it
 * is taken.
 */
export type RootKey =
  | KeyObject
  | Uint8Array
  | { env: string }
  | { file: string }
  | { passphrase: string }
  | (() => Uint8Array | Promise<Uint8Array>);

/** What the engine needs of it. Whoever holds `key` overwrites it. */
export interface OpenedRootKey {
  readonly key: Uint8Array;
  readonly hint: Uint8Array;
}

export const keySize = 32;
const fileSizeMax = 4096;

const deriveKey = promisify<string, Uint8Array, number, ScryptOptions, Buffer>(scrypt);

/** Throws TypeError and InvalidArgument for what can be no source of a root key. No I/O. */
export function checkRootKey(source: RootKey): void {
  if (typeof source === 'function') return;
  if (typeof source !== 'object' || source === null)
    throw new TypeError('open: rootKey must be bytes, a KeyObject, a function or an object');
  if (source instanceof KeyObject) {
    if (source.type !== 'secret') throw invalidArgument('open: rootKey must be a secret KeyObject');
    if (source.symmetricKeySize !== keySize) throw wrongSize('the KeyObject');
  } else if (source instanceof Uint8Array) {
    checkBytes(source, 'rootKey');
  } else {
    checkNamedSource(source);
  }
}

/**
 * The source in memory of our own, as it is now: the caller may use his for something else before
 * the first I/O is over, and a store must not be made under that. A byte array is overwritten.
 */
export function takeRootKey(source: RootKey): RootKey {
  if (source instanceof Uint8Array) return takeBytes(source, 'rootKey');
  const own = isRecord(source) && !(source instanceof KeyObject) ? { ...source } : source;
  checkRootKey(own as RootKey);
  return own as RootKey;
}

function checkNamedSource(source: object): void {
  const names = Object.keys(source);
  const [name] = names;
  if (names.length !== 1 || !['env', 'file', 'passphrase'].includes(name ?? ''))
    throw invalidArgument('open: rootKey must be one of { env }, { file } and { passphrase }');
  const value: unknown = Object.values(source)[0];
  if (typeof value !== 'string') throw new TypeError(`open: rootKey.${name} must be a string`);
  if (value === '') throw invalidArgument(`open: rootKey.${name} must not be empty`);
}

/**
 * Fetches the key. `storedHint` is the store's, null when the store is yet to be made.
 * @throws {StoreError} InvalidArgument, WRONG_ROOT_KEY, STORE_CORRUPT, STORE_VERSION
 */
export async function fetchRootKey(
  source: RootKey,
  storedHint: Uint8Array | null,
): Promise<OpenedRootKey> {
  const scryptHint = storedHint === null ? null : decodeHint(storedHint);
  if (isPassphrase(source)) {
    if (storedHint !== null && scryptHint === null)
      throw new StoreError('WRONG_ROOT_KEY', 'the store was not made with a passphrase');
    const hint = scryptHint ?? newScryptHint();
    return { key: await deriveFrom(source.passphrase, hint), hint: encodeHint(hint) };
  }
  return { key: await fetchBytes(source), hint: encodeHint(null) };
}

async function fetchBytes(source: Exclude<RootKey, { passphrase: string }>): Promise<Uint8Array> {
  if (source instanceof Uint8Array) return takeBytes(source, 'rootKey');
  if (source instanceof KeyObject) return source.export();
  if (typeof source === 'function') {
    const bytes: unknown = await source();
    if (!(bytes instanceof Uint8Array))
      throw new TypeError('open: the rootKey function must return a Uint8Array');
    return takeBytes(bytes, 'what the rootKey function returned');
  }
  if ('env' in source) return fromEnvironment(source.env);
  return readKeyFile(source.file);
}

function isPassphrase(source: RootKey): source is { passphrase: string } {
  return typeof source === 'object' && 'passphrase' in source;
}

function deriveFrom(passphrase: string, { logN, r, p, salt }: ScryptHint): Promise<Uint8Array> {
  // One text, one key: keyboards differ in how they compose characters.
  const N = 2 ** logN;
  const options = { N, r, p, maxmem: 128 * r * (N + p) + (1 << 20) };
  return deriveKey(passphrase.normalize('NFC'), salt, keySize, options);
}

function fromEnvironment(name: string): Uint8Array {
  const text = process.env[name];
  if (text === undefined || text === '')
    throw invalidArgument(`open: the environment variable ${name} holds no root key`);
  return parseKey(Buffer.from(text), `the environment variable ${name}`);
}

/** Of a file that anybody but its owner may read, see `isExposed`. */
export async function readKeyFile(file: string): Promise<Uint8Array> {
  let handle: FileHandle;
  try {
    handle = await open(file, 'r');
  } catch (cause) {
    throw new StoreError('WRONG_ROOT_KEY', `the key file ${file} cannot be read`, { cause });
  }
  const bytes = Buffer.alloc(fileSizeMax);
  try {
    const { bytesRead } = await handle.read(bytes, 0, fileSizeMax, 0);
    return parseKey(bytes.subarray(0, bytesRead), `the key file ${file}`);
  } catch (error) {
    if (StoreError.is(error)) throw error;
    throw new StoreError('WRONG_ROOT_KEY', `the key file ${file} cannot be read`, { cause: error });
  } finally {
    bytes.fill(0);
    await handle.close();
  }
}

/** Raw bytes, hex digits or base64, in memory of its own; `bytes` is overwritten. */
function parseKey(bytes: Buffer, what: string): Uint8Array {
  try {
    if (bytes.length === keySize) return copyOf(bytes);
    const text = bytes.toString('latin1').trim();
    if (/^[0-9a-f]{64}$/i.test(text)) return Buffer.from(text, 'hex');
    if (/^[\w+/-]{43}=?$/.test(text)) return Buffer.from(text, 'base64');
    throw wrongSize(what);
  } finally {
    bytes.fill(0);
  }
}

/** Outside V8's heap, where a small array would be moved and leave its bytes behind. */
function copyOf(bytes: Uint8Array): Uint8Array {
  const copy = new Uint8Array(new ArrayBuffer(bytes.length));
  copy.set(bytes);
  return copy;
}

function takeBytes(bytes: Uint8Array, what: string): Uint8Array {
  const key = copyOf(bytes);
  checkBytes(key, what);
  bytes.fill(0);
  return key;
}

function checkBytes(bytes: Uint8Array, what: string): void {
  if (bytes.length !== keySize) throw wrongSize(what);
  if (bytes.every((byte) => byte === 0))
    throw invalidArgument(
      `open: ${what} is all zeros; an array is overwritten once it was taken: give a fresh one`,
    );
}

function wrongSize(what: string): StoreError {
  return invalidArgument(
    `open: ${what} must be ${keySize} bytes: raw, 64 hex digits or base64 of them`,
  );
}
