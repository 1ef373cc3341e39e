// What is said of an object's content: the names of the options, and the way back from
// httpHeaders().
import type { PutOptions } from './types.ts';

/** The options that become headers of the content when the object is served. */
export const contentHeaderNames = [
  'contentType',
  'contentEncoding',
  'contentDisposition',
  'contentLanguage',
  'cacheControl',
  'expires',
] as const;
/** All that a caller says about an object, whichever verb makes it. */
export const headerNames: readonly [...typeof contentHeaderNames, 'metadata', 'tags'] = [
  ...contentHeaderNames,
  'metadata',
  'tags',
];

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
