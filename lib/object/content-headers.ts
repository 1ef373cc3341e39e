// What headers say of an object's content, as options of a put: the way back from httpHeaders().
import type { PutOptions } from './types.ts';

/** Without metadata. An `expires` that is no date becomes an invalid Date, which put refuses. */
export function contentOptions(headers: Headers): PutOptions {
  const text = (name: string) => headers.get(name) ?? undefined;
  const expires = text('expires');
  return {
    contentType: text('content-type'),
    contentEncoding: text('content-encoding'),
    contentDisposition: text('content-disposition'),
    contentLanguage: text('content-language'),
    cacheControl: text('cache-control'),
    expires: expires === undefined ? undefined : new Date(expires),
  };
}
