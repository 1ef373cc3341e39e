// ETags as HTTP spells them. Callers may leave the quotes away, as many OSS clients do.
//
//   entity tag = [ "W/" ] DQUOTE character* DQUOTE     character: visible, no quote
//   list       = "*" | entity tag *( "," entity tag )
import { invalidArgument } from '../errors.ts';

/** In its quoted form, `W/` in front of a weak one; `*` stands for any. */
export type EntityTag = string;
export type TagList = readonly EntityTag[];

const quoted = /^(?:W\/)?"[\x21\x23-\x7e\x80-\xff]*"$/;
const bare = /^[\x21\x23-\x7e\x80-\xff]+$/;
/** One member of a list and what separates it from the next: commas may stand inside quotes. */
const member = /[\t ]*((?:W\/)?"[^"]*"|[^",\t ]+)[\t ]*(?:,|$)/y;

/** TypeError for what is no string, InvalidArgument for what is no ETag. */
export function entityTag(what: string, text: string): EntityTag {
  if (typeof text !== 'string') throw new TypeError(`${what} must be a string`);
  if (text === '*' || quoted.test(text)) return text;
  if (bare.test(text) && !text.startsWith('W/')) return `"${text}"`;
  throw invalidArgument(`${what} must be an ETag: visible characters, in double quotes or without`);
}

/** The members of a header; InvalidArgument for an empty one, and for `*` among others. */
export function entityTags(what: string, text: string): TagList {
  const tags: EntityTag[] = [];
  for (member.lastIndex = 0; member.lastIndex < text.length || tags.length === 0; ) {
    const found = member.exec(text);
    if (found === null) throw invalidArgument(`${what} must be a list of ETags or *`);
    tags.push(entityTag(what, found[1] as string));
  }
  if (text.trimEnd().endsWith(',') || (tags.length > 1 && tags.includes('*')))
    throw invalidArgument(`${what} must be a list of ETags or *`);
  return tags;
}

export function weakTag(tag: EntityTag): boolean {
  return tag.startsWith('W/');
}
