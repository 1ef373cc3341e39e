// Steps as calls on a store: each is a call as JSON, and so is its answer. What a call must answer
// stands in rules.mjs, under the same names.
import { bytesOf } from '../blocks/plan.mjs';
import { hashOf } from './rules.mjs';

/** @returns what the call answered, as JSON; rejects as the call does */
export const perform = (store, step) => verbs[step.verb](store.bucket(step.bucket), step, store);

const viewOf = ({ size, etag, type, tags, metadata }) => ({ size, etag, type, tags, metadata });

/** In one piece, or as a stream of which nobody knows the size. */
function bodyOf({ body, stream }) {
  const bytes = bytesOf(body);
  return stream ? pieces(bytes) : bytes;
}
async function* pieces(bytes) {
  for (let at = 0; at < bytes.length; at += 70_001) yield bytes.subarray(at, at + 70_001);
}

async function all(iterable, told) {
  const values = [];
  for await (const value of iterable) values.push(told(value));
  return values;
}

const verbs = {
  async createBucket(_, { bucket }, store) {
    await store.createBucket(bucket);
  },
  deleteBucket: (bucket) => bucket.delete(),
  hasBucket: (bucket) => bucket.exists(),

  async put(bucket, step) {
    return viewOf(await bucket.put(step.key, bodyOf(step), step.options));
  },
  async append(bucket, step) {
    return viewOf(await bucket.append(step.key, bodyOf(step), step.options));
  },
  async copy(bucket, { from, key, options }) {
    return viewOf(await bucket.copy(from, key, options));
  },
  async move(bucket, { from, key }) {
    return viewOf(await bucket.move(from, key));
  },
  async remove(bucket, { key, options }) {
    return (await bucket.remove(key, options)).removed.length;
  },
  async removeMany(bucket, { keys }) {
    return (await bucket.remove(keys)).removed.length;
  },
  setTags: (bucket, { key, tags }) => bucket.tags.object(key).set(tags),
  deleteTags: (bucket, { key }) => bucket.tags.object(key).delete(),
  tags: (bucket, { key }) => bucket.tags.object(key).get(),

  async upload(bucket, { key, options }) {
    return { uploadId: (await bucket.upload(key, options)).uploadId };
  },
  async part(bucket, { key, uploadId, number, ...step }) {
    const { etag } = await bucket.resumeUpload(key, uploadId).part(number, bodyOf(step));
    return { etag };
  },
  async complete(bucket, { key, uploadId, parts, options }) {
    return viewOf(await bucket.resumeUpload(key, uploadId).complete(parts, options));
  },
  abort: (bucket, { key, uploadId }) => bucket.resumeUpload(key, uploadId).abort(),
  parts: (bucket, { key, uploadId }) =>
    all(bucket.resumeUpload(key, uploadId).parts(), (part) => [
      part.partNumber,
      part.size,
      part.etag,
    ]),
  uploads: (bucket, { prefix }) =>
    all(bucket.uploads({ prefix }), ({ key, uploadId }) => [key, uploadId]),

  transaction: (_, { changes, demands = [] }, store) =>
    store.transaction(async (tx) => {
      for (const { verb, ...change } of changes) {
        const bucket = tx.bucket(change.bucket);
        if (verb === 'put') await bucket.put(change.key, bodyOf(change), change.options);
        else if (verb === 'remove') bucket.remove(change.key, change.options);
        else bucket.copy(change.from, change.key, change.options);
      }
      for (const { bucket, key, onlyIf } of demands) tx.bucket(bucket).require(key, onlyIf);
    }),

  async get(bucket, { key, options }) {
    const body = await bucket.get(key, options);
    return body && { ...viewOf(body), hash: hashOf(await body.bytes()) };
  },
  async head(bucket, { key, options }) {
    const object = await bucket.head(key, options);
    return object && viewOf(object);
  },
  has: (bucket, { key }) => bucket.has(key),
  async list(bucket, { options }) {
    const lines = [];
    for await (const { objects, prefixes } of bucket.list(options).pages()) {
      lines.push(...objects.map((object) => ({ key: object.key, ...viewOf(object) })), ...prefixes);
    }
    const text = (line) => Buffer.from(line.key ?? line);
    lines.sort((a, b) => Buffer.compare(text(a), text(b)));
    return options.reverse ? lines.reverse() : lines;
  },

  compact: (_, __, store) => store.health.compact(),
  scrub: (_, { bytesPerSecond }, store) => store.health.scrub({ bytesPerSecond }),
  status: (_, __, store) => store.health.status(),
  replaceZone: (_, { zone, path }, store) => store.health.replaceZone(zone, path),
  verify: (_, __, store) => store.health.verify({ deep: true }),
  find: (_, __, store) => everythingIn(store),
};

/** All rows that the store holds, by the names of rules.mjs; of an object its view and a hash. */
async function everythingIn(store) {
  const rows = [];
  for await (const { name } of store.buckets()) {
    const bucket = store.bucket(name);
    rows.push([`b/${name}`, {}]);
    const objects = await bucket.list().toArray();
    for (let at = 0; at < objects.length; at += 16)
      rows.push(...(await Promise.all(objects.slice(at, at + 16).map(objectRow))));
    for (const [key, id] of await verbs.uploads(bucket, { prefix: '' })) {
      rows.push([`u/${name}/${id}`, { key }]);
      const parts = await verbs.parts(bucket, { key, uploadId: id });
      rows.push(...parts.map(([number, size, etag]) => [`p/${id}/${number}`, { size, etag }]));
    }
    async function objectRow(object) {
      const body = await bucket.get(object.key);
      const hash = body && hashOf(await body.bytes());
      return [`o/${name}/${object.key}`, { ...viewOf(object), hash }];
    }
  }
  return rows;
}
