// The conformance suite of a store: what its verbs promise, whatever engine lies below.
// memory.test.ts, one-zone.test.ts and three-zones.test.ts run it.
import type { TestFn } from 'ava';
import { bodySection } from './body-section.ts';
import { bucketSection } from './bucket-section.ts';
import { checksumSection } from './checksum-section.ts';
import { closeSection } from './close-section.ts';
import { conditionSection } from './condition-section.ts';
import { endingSection } from './ending-section.ts';
import { failureSection } from './failure-section.ts';
import { fileSection } from './file-section.ts';
import { listSection } from './list-section.ts';
import { nameSection } from './name-section.ts';
import { partsSection } from './parts-section.ts';
import { randomSection } from './random-section.ts';
import { rangeSection } from './range-section.ts';
import { removeSection } from './remove-section.ts';
import { responseSection } from './response-section.ts';
import { saveSection } from './save-section.ts';
import { type OpenStore, withStoreOf } from './support.ts';
import { symlinkSection } from './symlink-section.ts';
import { tagSection } from './tag-section.ts';
import { transactionSection } from './transaction-section.ts';
import { verbsSection } from './verbs-section.ts';
import { versionsSection } from './versions-section.ts';
import { watchSection } from './watch-section.ts';
import { writeStreamSection } from './write-stream-section.ts';

/** Declares the suite's tests for one kind of store. `openStore` closes what it opens. */
export function storeSuite(test: TestFn, name: string, openStore: OpenStore): void {
  const withStore = withStoreOf(test, name, openStore);
  bucketSection(withStore);
  nameSection(withStore);
  bodySection(withStore);
  endingSection(withStore);
  failureSection(withStore);
  rangeSection(withStore);
  conditionSection(withStore);
  tagSection(withStore);
  checksumSection(withStore);
  removeSection(withStore);
  symlinkSection(withStore);
  transactionSection(withStore);
  partsSection(withStore);
  watchSection(withStore);
  listSection(withStore);
  saveSection(withStore);
  responseSection(withStore);
  fileSection(withStore);
  writeStreamSection(withStore);
  closeSection(withStore);
  randomSection(withStore);
  verbsSection(withStore);
  versionsSection(withStore);
}
