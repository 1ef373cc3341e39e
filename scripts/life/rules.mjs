// The rules of a store, written anew and as plainly as they can be: what a call must answer, and
// what it changes. The oracle of kills.mjs and model.mjs.
//
//   rows   what a store holds, by name
//     b/BUCKET          {}
//     o/BUCKET/KEY      {pieces, etag, type, tags, metadata}    its bytes are those of its pieces
//     u/BUCKET/ID       {key, tags, metadata}                   an upload that stands
//     p/ID/NUMBER       {pieces, etag}                          one of its parts
//
// An etag that is null is one that nobody was told yet. A step is a call as JSON (verbs.mjs).
import { createHash } from 'node:crypto';
import { bytesOf } from '../blocks/plan.mjs';

const partSizeMin = 100 * 1024;

export const bytesOfPieces = (pieces) => Buffer.concat(pieces.map(bytesOf));
export const sizeOf = ({ pieces }) => pieces.reduce((sum, { size }) => sum + size, 0);
export const hashOf = (bytes) => createHash('sha256').update(bytes).digest('base64');

/** Objects never change, so the hash of each is made once. */
const hashes = new WeakMap();
export function hashOfPieces({ pieces }) {
  if (!hashes.has(pieces)) hashes.set(pieces, hashOf(bytesOfPieces(pieces)));
  return hashes.get(pieces);
}

/** @returns `{code}`, or `{value, changes}`: the answer, and each row that changes, or goes */
export function outcomeOf(rows, step) {
  try {
    return { changes: [], ...verbs[step.verb](rows, step) };
  } catch (refusal) {
    if (!(refusal instanceof Refusal)) throw refusal;
    return { code: refusal.code };
  }
}

class Refusal {
  constructor(code) {
    this.code = code;
  }
}
function refuse(code) {
  throw new Refusal(code);
}

const rowOf = ({ bucket, key }) => `o/${bucket}/${key}`;

/** The names behind a beginning, in the order of their bytes, each with its row. */
export function under(rows, beginning) {
  const found = [...rows].filter(([name]) => name.startsWith(beginning));
  return found.map(([name, row]) => [name.slice(beginning.length), row]).sort(byBytes);
}
const byBytes = ([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b));

/** What is told of an object: everything but its bytes. */
export function viewOf(object) {
  const { etag, type, tags, metadata } = object;
  return { size: sizeOf(object), etag, type, tags, metadata };
}

function needKey(key) {
  if (key === '' || key.startsWith('/')) refuse('InvalidObjectName');
}
function needBucket(rows, bucket) {
  if (!rows.has(`b/${bucket}`)) refuse('NoSuchBucket');
}
function needTags(tags) {
  if (Object.keys(tags ?? {}).length > 10) refuse('TooManyTags');
}
function needObject(rows, place) {
  needKey(place.key);
  needBucket(rows, place.bucket);
  return rows.get(rowOf(place)) ?? refuse('NoSuchKey');
}
function needUpload(rows, { bucket, uploadId, key }) {
  needBucket(rows, bucket);
  const upload = rows.get(`u/${bucket}/${uploadId}`);
  return upload?.key === key ? upload : refuse('NoSuchUpload');
}

/** Of a write. */
function needCondition(onlyIf, object, taken = 'FileAlreadyExists') {
  if (onlyIf?.absent && object) refuse(taken);
  if (onlyIf?.etag && onlyIf.etag !== object?.etag) refuse('PreconditionFailed');
}
/** Of a read. */
function needAnswer(onlyIf, object) {
  if (onlyIf?.etag && onlyIf.etag !== object.etag) refuse('PreconditionFailed');
  if (onlyIf?.notEtag && onlyIf.notEtag === object.etag) refuse('NotModified');
}

function newObject(pieces, type, { tags = {}, metadata = {} } = {}) {
  return { pieces, etag: null, type, tags, metadata };
}
/** The label is that of the bytes. A copy of what grows grows no more. */
function copyOf(source, { tags, metadata } = {}) {
  const type = source.type === 'Appendable' ? 'Normal' : source.type;
  return { ...source, type, tags: tags ?? source.tags, metadata: metadata ?? source.metadata };
}
const written = (place, object) => ({
  value: viewOf(object),
  changes: [[rowOf(place), object]],
});
const partRows = (rows, uploadId) => under(rows, `p/${uploadId}/`);
/** An upload goes with its parts. */
const ended = (rows, { bucket, uploadId }) => [
  [`u/${bucket}/${uploadId}`, null],
  ...partRows(rows, uploadId).map(([number]) => [`p/${uploadId}/${number}`, null]),
];

const verbs = {
  createBucket(rows, { bucket }) {
    if (rows.has(`b/${bucket}`)) refuse('BucketAlreadyExists');
    return { changes: [[`b/${bucket}`, {}]] };
  },
  deleteBucket(rows, { bucket }) {
    needBucket(rows, bucket);
    const held = ['o', 'u'].some((kind) => under(rows, `${kind}/${bucket}/`).length > 0);
    if (held) refuse('BucketNotEmpty');
    return { changes: [[`b/${bucket}`, null]] };
  },
  hasBucket: (rows, { bucket }) => ({ value: rows.has(`b/${bucket}`) }),

  put(rows, { body, options = {}, ...place }) {
    needKey(place.key);
    needTags(options.tags);
    needBucket(rows, place.bucket);
    needCondition(options.onlyIf, rows.get(rowOf(place)));
    if ((options.size ?? body.size) !== body.size) refuse('IncompleteBody');
    if (options.checksum) refuse('InvalidCRC64'); // It is drawn to be a wrong one.
    return written(place, newObject([body], 'Normal', options));
  },
  append(rows, { body, options = {}, ...place }) {
    needKey(place.key);
    needTags(options.tags);
    needBucket(rows, place.bucket);
    const object = rows.get(rowOf(place)) ?? newObject([], 'Appendable', options);
    if (object.type !== 'Appendable') refuse('ObjectNotAppendable');
    if ((options.position ?? sizeOf(object)) !== sizeOf(object)) refuse('PositionNotEqualToLength');
    return written(place, { ...object, pieces: [...object.pieces, body] });
  },
  copy(rows, { from, options = {}, ...place }) {
    needKey(from.key);
    needKey(place.key);
    needTags(options.tags);
    const same = rowOf(from) === rowOf(place);
    if (same && !options.tags && !options.metadata) refuse('InvalidArgument');
    const source = needObject(rows, from);
    needBucket(rows, place.bucket);
    needCondition(options.onlyIf, rows.get(rowOf(place)));
    return written(place, copyOf(source, options));
  },
  move(rows, { from, ...place }) {
    if (from === place.key) refuse('InvalidArgument');
    const source = needObject(rows, { ...place, key: from });
    const moved = { ...copyOf(source), type: source.type };
    const { value, changes } = written(place, moved);
    return { value, changes: [...changes, [rowOf({ ...place, key: from }), null]] };
  },
  remove(rows, { options = {}, ...place }) {
    needKey(place.key);
    needBucket(rows, place.bucket);
    needCondition(options.onlyIf, rows.get(rowOf(place)), 'PreconditionFailed');
    return { value: 1, changes: [[rowOf(place), null]] };
  },
  removeMany(rows, { bucket, keys }) {
    needBucket(rows, bucket);
    return { value: keys.length, changes: keys.map((key) => [rowOf({ bucket, key }), null]) };
  },
  setTags(rows, { tags, ...place }) {
    needTags(tags);
    return { changes: [[rowOf(place), { ...needObject(rows, place), tags }]] };
  },
  deleteTags: (rows, place) => ({
    changes: [[rowOf(place), { ...needObject(rows, place), tags: {} }]],
  }),
  tags(rows, place) {
    const { tags } = needObject(rows, place);
    return { value: Object.keys(tags).length > 0 ? tags : null };
  },

  upload(rows, { bucket, key, options = {} }) {
    needTags(options.tags);
    needBucket(rows, bucket);
    const { tags = {}, metadata = {} } = options;
    // Its id is told by the answer.
    return { value: { uploadId: null }, changes: [[`u/${bucket}/?`, { key, tags, metadata }]] };
  },
  part(rows, { uploadId, number, body, ...place }) {
    needUpload(rows, { uploadId, ...place });
    const part = { pieces: [body], etag: null };
    return { value: { etag: null }, changes: [[`p/${uploadId}/${number}`, part]] };
  },
  complete(rows, { uploadId, parts, options = {}, ...place }) {
    const numbers = parts?.map(({ partNumber }) => partNumber);
    if (numbers?.length === 0) refuse('InvalidArgument');
    if (numbers?.some((number, i) => i > 0 && number <= numbers[i - 1])) refuse('InvalidPartOrder');
    const upload = needUpload(rows, { uploadId, ...place });
    needCondition(options.onlyIf, rows.get(rowOf(place)));
    const stored = new Map(partRows(rows, uploadId).map(([number, part]) => [+number, part]));
    for (const { partNumber, etag } of parts ?? [])
      if (stored.get(partNumber)?.etag !== etag) refuse('InvalidPart');
    const chosen = numbers ?? [...stored.keys()].sort((a, b) => a - b);
    if (chosen.length === 0) refuse('InvalidArgument');
    const sizes = chosen.map((number) => sizeOf(stored.get(number)));
    if (sizes.slice(0, -1).some((size) => size < partSizeMin)) refuse('EntityTooSmall');
    const pieces = chosen.flatMap((number) => stored.get(number).pieces);
    const { value, changes } = written(place, newObject(pieces, 'Multipart', upload));
    return { value, changes: [...changes, ...ended(rows, { uploadId, ...place })] };
  },
  abort(rows, upload) {
    needUpload(rows, upload);
    return { changes: ended(rows, upload) };
  },
  parts(rows, upload) {
    needUpload(rows, upload);
    const parts = partRows(rows, upload.uploadId).map(([number, part]) => [+number, part]);
    const ordered = parts.sort(([a], [b]) => a - b);
    return { value: ordered.map(([number, part]) => [number, sizeOf(part), part.etag]) };
  },
  uploads(rows, { bucket, prefix }) {
    needBucket(rows, bucket);
    const uploads = under(rows, `u/${bucket}/`).map(([id, { key }]) => [key, id]);
    const wanted = uploads.filter(([key]) => key.startsWith(prefix));
    return { value: wanted.sort((a, b) => byBytes(a, b) || byBytes([a[1]], [b[1]])) };
  },

  /**
   * Of several changes on a key the last one counts, and nobody asks what became of the others;
   * but a body is sealed when it comes. Copies see what was there before. Buckets are missed first,
   * then what is to be copied, then what must hold.
   */
  transaction(rows, { changes, demands = [] }) {
    const last = [...new Map(changes.map((change) => [rowOf(change), change])).values()];
    for (const { verb, bucket } of changes) if (verb === 'put') needBucket(rows, bucket);
    for (const { from, bucket } of [...last, ...demands]) needBucket(rows, from?.bucket ?? bucket);
    for (const { from } of last) if (from) needObject(rows, from);
    const effects = last.flatMap(({ verb, ...change }) => verbs[verb](rows, change).changes);
    for (const { onlyIf, ...place } of demands)
      needCondition(onlyIf, rows.get(rowOf(place)), 'PreconditionFailed');
    return { changes: effects };
  },

  get(rows, { options = {}, ...place }) {
    needKey(place.key);
    needBucket(rows, place.bucket);
    const object = rows.get(rowOf(place));
    if (object === undefined) return { value: null };
    needAnswer(options.onlyIf, object);
    if (!options.range) return { value: { ...viewOf(object), hash: hashOfPieces(object) } };
    const bytes = bytesOfPieces(object.pieces);
    const { offset, length, suffix } = options.range;
    const from = suffix === undefined ? offset : Math.max(bytes.length - suffix, 0);
    if (from >= bytes.length || suffix === 0) refuse('InvalidRange');
    const part = bytes.subarray(from, length === undefined ? bytes.length : from + length);
    return { value: { ...viewOf(object), hash: hashOf(part) } };
  },
  head(rows, { options = {}, ...place }) {
    needKey(place.key);
    needBucket(rows, place.bucket);
    const object = rows.get(rowOf(place));
    if (object === undefined) return { value: null };
    needAnswer(options.onlyIf, object);
    return { value: viewOf(object) };
  },
  has(rows, place) {
    needKey(place.key);
    needBucket(rows, place.bucket);
    return { value: rows.has(rowOf(place)) };
  },
  list(rows, { bucket, options }) {
    needBucket(rows, bucket);
    const { prefix, delimiter, startAfter, reverse = false, limit = Infinity } = options;
    const lines = new Map();
    const objects = under(rows, `o/${bucket}/${prefix}`);
    for (const [rest, object] of reverse ? objects.reverse() : objects) {
      const key = prefix + rest;
      const order = startAfter === undefined ? 1 : byBytes([key], [startAfter]);
      if (reverse && startAfter !== undefined ? order >= 0 : order <= 0) continue;
      const end = delimiter === undefined ? -1 : rest.indexOf(delimiter);
      if (end < 0) lines.set(key, { key, ...viewOf(object) });
      else {
        const common = prefix + rest.slice(0, end + delimiter.length);
        if (common !== startAfter) lines.set(common, common);
      }
    }
    return { value: [...lines.values()].slice(0, limit) };
  },
};
