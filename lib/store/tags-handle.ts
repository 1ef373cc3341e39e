// TagsHandle: what bucket.tags gives.
import type { StoreContext } from '../context/store-context.ts';
import { objectTags, setObjectTags, type VersionOption } from '../object/tagging.ts';
import { isRecord, readOptions } from '../options.ts';

/** Something that is set as a whole. */
export interface ConfigHandle<T> {
  /** Null when nothing is set. */
  get(): Promise<T | null>;
  /** In the place of all that was set before. */
  set(value: T): Promise<void>;
  delete(): Promise<void>;
}

export class TagsHandle {
  readonly #context: StoreContext;
  readonly #bucket: string;

  /** @internal */
  constructor(context: StoreContext, bucket: string) {
    this.#context = context;
    this.#bucket = bucket;
  }

  /**
   * The tags of one object, or of one version of it. Changing them changes neither its ETag nor its
   * time of modification. Every failure of a method arrives as a rejection.
   * @throws {StoreError} NoSuchKey, NoSuchVersion, MethodNotAllowed, InvalidArgument,
   * InvalidObjectName, InvalidTag, TooManyTags, NoSuchBucket, STORE_CLOSED, STORE_FULL,
   * STORE_READ_ONLY, COMMIT_UNKNOWN
   * @example
   * ```ts
   * import { openMemory } from 'strongroom';
   *
   * await using store = await openMemory();
   * const docs = store.bucket('docs');
   * await docs.put('report', 'text', { tags: { state: 'draft' } });
   * await docs.tags.object('report').set({ state: 'final' });
   * console.log(await docs.tags.object('report').get());
   * ```
   */
  object(key: string, version: VersionOption = {}): ConfigHandle<Record<string, string>> {
    const [context, bucket] = [this.#context, this.#bucket];
    const of = readVersion(version);
    return {
      get: async () => objectTags(context, bucket, key, of()),
      set: async (tags) => setTags(context, bucket, key, tags, of()),
      delete: async () => setObjectTags(context, bucket, key, null, of()),
    };
  }
}

/** As it is now: the caller may use the same object for the next call. Throws when it is asked. */
function readVersion(given: VersionOption): () => VersionOption {
  const copy = isRecord(given) ? { ...given } : given;
  return () => readOptions('tags', copy, knownOfVersion);
}
const knownOfVersion: ReadonlySet<string> = new Set(['versionId']);

/** Null is no set of tags, though it is one way to say delete() further down. */
async function setTags(
  context: StoreContext,
  bucket: string,
  key: string,
  tags: Record<string, string>,
  version: VersionOption,
): Promise<void> {
  if (tags === null) throw new TypeError('tags: tags must be a plain object of strings');
  return setObjectTags(context, bucket, key, tags, version);
}
