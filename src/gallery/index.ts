export { type CompactionReport, compactGallery } from './compaction.ts';
export { GalleryDirectory, type GalleryEntry } from './directory.ts';
export { createGalleryChanges, type EnrolmentOptions, type GalleryChanges } from './enrolment.ts';
export {
  type ErasureOptions,
  type ErasureReport,
  eraseFace,
  erasePerson,
  finishErasures,
} from './erasure.ts';
export {
  type ErasureReceipt,
  eraseFaceWithReceipt,
  erasePersonWithReceipt,
} from './erasure-receipt.ts';
export { Gallery, type GalleryOptions } from './gallery.ts';
export { GalleryHousekeeping, type GalleryHousekeepingOptions } from './housekeeping.ts';
export { DEFAULT_GALLERY } from './keys.ts';
export { type ReEmbeddingOptions, reembedAll } from './re-embedding.ts';
export { type RemovalReport, removeGallery } from './removal.ts';
export { openGalleryReplica, type ReplicaOptions } from './replica.ts';
export {
  type ExportReport,
  exportGallery,
  type ImportReport,
  importGallery,
  type TransferOptions,
} from './transfer.ts';
export type * from './types.ts';
