// Which bucket and key a request's address names.
//
//   <base>/<bucket>/<key>      or, where the handler serves one bucket,      <base>/<key>
//
// Keys are decoded once and whole: `%2F` is a slash like any other, `//` stays as it is, and `..`
// is part of a name, since nothing here is a path of a file system. (A literal `..` never arrives:
// whoever made the Request has resolved it.)
import { invalidArgument } from '../errors.ts';
import { checkBucketName } from '../name/bucket-name.ts';
import { checkObjectKey } from '../name/object-key.ts';

export interface Target {
  readonly bucket: string;
  /** '' for the bucket itself. */
  readonly key: string;
}

/** `/files` and `/files/` as `/files/`. */
export function baseOf(path: string | undefined): string {
  const base = path ?? '/';
  if (typeof base !== 'string') throw new TypeError('fetchHandler: base must be a string');
  if (!base.startsWith('/')) throw invalidArgument('fetchHandler: base must begin with /');
  return base.endsWith('/') ? base : `${base}/`;
}

/**
 * Null when the address does not lie under `base`.
 * @throws {StoreError} InvalidBucketName, InvalidObjectName, InvalidArgument
 */
export function targetOf(path: string, base: string, only: string | undefined): Target | null {
  if (!`${path}/`.startsWith(base)) return null;
  const rest = path.slice(base.length);
  const end = rest.indexOf('/');
  const bucket = only ?? decoded(end < 0 ? rest : rest.slice(0, end));
  const key = decoded(only !== undefined ? rest : end < 0 ? '' : rest.slice(end + 1));
  checkBucketName(bucket);
  if (key !== '') checkObjectKey(key);
  return { bucket, key };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw invalidArgument('the address holds a percent sign that begins no UTF-8');
  }
}
