// The entries of listings that see more than what stands: every version, or what stood at a moment.
// Both are made of scans that show all versions of a key together, the newest first, so that what
// came before in the listing decides what an entry is.
import type { KnownBucket } from '../context/bucket-directory.ts';
import { objectTextFrom, objectTextKey, successor, versionSize } from '../engine/row-key.ts';
import type { Page, RowKey } from '../engine/storage-engine.ts';
import { isMarker } from './object-row.ts';
import { ObjectView, VersionView } from './object-view.ts';
import type { StoredObject } from './types.ts';

export interface Shown {
  readonly objects: StoredObject[];
  /** Common prefixes. */
  readonly prefixes: string[];
  /** Where the scan goes on; null: nothing follows. */
  readonly resume: RowKey | null;
  /** Where another listing would go on; null: nothing follows. */
  readonly cursor: RowKey | null;
}

/** Every version; what is first of its key is the latest. */
export class VersionsShower {
  readonly #bucket: KnownBucket;
  /** Of this key something newer was shown, here or in a page before. */
  #key: string | null;

  constructor(bucket: KnownBucket, start: RowKey) {
    this.#bucket = bucket;
    this.#key = keyWithin(start);
  }

  show(page: Page): Shown {
    const objects: StoredObject[] = [];
    const prefixes: string[] = [];
    for (let i = 0; i < page.count; i++) {
      const text = page.text(i);
      if (page.isPrefix(i)) {
        prefixes.push(text);
      } else {
        objects.push(new VersionView(this.#bucket, page, i, text !== this.#key));
        this.#key = text;
      }
    }
    return { objects, prefixes, resume: page.resume, cursor: page.resume };
  }
}

interface Moment {
  readonly at: number;
  readonly prefix: string;
  readonly delimiter: string | undefined;
}

/** What stood at a moment: of each key the newest version that is not after it, unless a marker. */
export class MomentShower {
  readonly #bucket: KnownBucket;
  readonly #moment: Moment;
  /** Of this key it is decided what stood. */
  #key: string | null = null;
  /** The common prefix that was shown last. */
  #prefix: string | null = null;

  constructor(bucket: KnownBucket, moment: Moment) {
    this.#bucket = bucket;
    this.#moment = moment;
  }

  show(page: Page, left: number): Shown {
    const objects: StoredObject[] = [];
    const prefixes: string[] = [];
    for (let i = 0; i < page.count; i++) {
      const key = page.text(i);
      if (key === this.#key || page.modified(i) > this.#moment.at) continue;
      this.#key = key;
      if (isMarker(page.body(i))) continue;
      const prefix = this.#prefixOf(key);
      if (prefix !== null && prefix === this.#prefix) continue;
      this.#prefix = prefix;
      if (prefix === null) objects.push(new ObjectView(this.#bucket, page, i));
      else prefixes.push(prefix);
      if (objects.length + prefixes.length < left) continue;
      const behind = this.#behind(key);
      return { objects, prefixes, resume: behind, cursor: behind };
    }
    const last = page.count === 0 || page.resume === null ? null : page.text(page.count - 1);
    return {
      objects,
      prefixes,
      resume: page.resume,
      cursor: last === null ? null : this.#behind(last),
    };
  }

  #prefixOf(key: string): string | null {
    const { prefix, delimiter } = this.#moment;
    if (delimiter === undefined) return null;
    const at = key.indexOf(delimiter, prefix.length);
    return at < 0 ? null : key.slice(0, at + delimiter.length);
  }

  /** Where to go on after this key, which was looked at last: before it, if it is not decided. */
  #behind(key: string): RowKey {
    const { id } = this.#bucket.row;
    if (this.#prefix !== null && key.startsWith(this.#prefix))
      return successor(objectTextKey(id, this.#prefix));
    return objectTextKey(id, key, key === this.#key ? 1 : 0);
  }
}

/** The key behind one of whose versions a scan begins; null: behind none. */
function keyWithin(start: RowKey): string | null {
  const end = start.indexOf(0, objectTextFrom);
  if (end < 0 || start.length <= end + 1 + versionSize) return null;
  return Buffer.from(start.buffer, start.byteOffset, end).toString('utf8', objectTextFrom);
}
