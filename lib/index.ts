// The public surface of strongroom: exports only.

export type { ListBucketsOptions } from './bucket/list.ts';
export type {
  BucketInfo,
  CreateBucketOptions,
  DeleteBucketOptions,
  EventsConfig,
  WatchOptions,
} from './bucket/types.ts';
export type { StorageClass } from './context/bucket-row.ts';
export type { Logger, StoreEvent } from './context/events.ts';
export type { ObjectEvent, ObjectEventType } from './context/object-events.ts';
export { type EngineCode, type ErrorCode, type OssCode, StoreError } from './errors.ts';
export type { RootKey } from './keys/root-key.ts';
export type { Progress } from './object/progress.ts';
export type {
  Transaction,
  TransactionBucket,
  TransactionOptions,
} from './object/transaction-bucket.ts';
export type {
  AppendOptions,
  Body,
  ChecksumName,
  Checksums,
  CompleteOptions,
  CopyOptions,
  GetCondition,
  GetOptions,
  HasOptions,
  HeadOptions,
  Listing,
  ListOptions,
  ListPage,
  ObjectBody,
  ObjectRef,
  ObjectWriteStream,
  PartInfo,
  PartOptions,
  PutCondition,
  PutOptions,
  Range,
  RemoveCondition,
  RemovedObject,
  RemoveOptions,
  RemoveResult,
  RestoreAllOptions,
  RestorePlan,
  RestoreTo,
  SaveOptions,
  StoredObject,
  SymlinkOptions,
  UploadedPart,
  UploadInfo,
  UploadOptions,
} from './object/types.ts';
export type { BackupOptions, BackupReport } from './store/backup.ts';
export type { Bucket } from './store/bucket.ts';
export type { Checkpoint } from './store/checkpoint.ts';
export type { DrillReport } from './store/drill.ts';
export type { EventsHandle } from './store/events-handle.ts';
export type {
  DrillOptions,
  HealOptions,
  Health,
  HealthStatus,
  LogStatus,
  Quarantined,
  ReplaceZoneOptions,
  ScrubOptions,
  ScrubStatus,
  VerifyOptions,
  ZoneStatus,
} from './store/health.ts';
export type { MultipartUpload } from './store/multipart-upload.ts';
export type { ObjectFile } from './store/object-file.ts';
export {
  type Geometry,
  type MemoryOptions,
  type OpenOptions,
  open,
  openMemory,
} from './store/open.ts';
export type { Store } from './store/store.ts';
export type { ConfigHandle, TagsHandle } from './store/tags-handle.ts';
export type { VerifyFinding, VerifyReport } from './store/verification.ts';
export type { VersioningHandle } from './store/versioning-handle.ts';
export type { VersioningState } from './versioning/next-version.ts';
