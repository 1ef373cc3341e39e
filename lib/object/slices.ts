// Slices of slices, as Blob.slice() counts them, without knowing how long the object is.

/** Negative numbers count from the end of what is sliced. */
export interface Slice {
  readonly begin: number;
  /** Exclusive; undefined is the end. */
  readonly end: number | undefined;
}

/** Fractions are cut off; TypeError for what is no number. */
export function sliceOf(begin: number | undefined, end: number | undefined): Slice {
  return { begin: whole('begin', begin) ?? 0, end: whole('end', end) };
}

/** Whether the size must be known to say where the slices lie. */
export function countsFromEnd(slices: readonly Slice[]): boolean {
  return slices.some(({ begin, end = 0 }) => begin < 0 || end < 0);
}

/** Where the innermost slice lies in `size` bytes; Infinity will do if none counts from the end. */
export function spanOf(slices: readonly Slice[], size: number): { begin: number; end: number } {
  let span = { begin: 0, end: size };
  for (const slice of slices) {
    const length = span.end - span.begin;
    const begin = within(slice.begin, length);
    const end = Math.max(begin, within(slice.end ?? length, length));
    span = { begin: placeFrom(span.begin, begin), end: placeFrom(span.begin, end) };
  }
  return span;
}

/** No object reaches further than numbers are exact, and what is rounded is no length. */
function placeFrom(begin: number, length: number): number {
  return length === Infinity ? length : Math.min(begin + length, Number.MAX_SAFE_INTEGER);
}

function within(place: number, length: number): number {
  return place < 0 ? Math.max(length + place, 0) : Math.min(place, length);
}

function whole(name: string, place: number | undefined): number | undefined {
  if (place === undefined) return undefined;
  if (typeof place !== 'number') throw new TypeError(`slice: ${name} must be a number`);
  const max = Number.MAX_SAFE_INTEGER;
  return Math.trunc(Math.min(Math.max(place, -max), max)) || 0;
}
