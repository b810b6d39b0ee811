import { join } from 'node:path';

import { FolderObjectStore } from '../../src/adapters/local/folder-object-store.ts';
import { GalleryState } from '../../src/gallery/gallery-state.ts';
import { DEFAULT_GALLERY, galleryKeys } from '../../src/gallery/keys.ts';
import { swapManifest } from '../../src/gallery/manifest.ts';
import { writeSegments } from '../../src/gallery/segment.ts';
import { bucketNames } from '../../src/jobs/keys.ts';

/** Puts people of these names, without faces, into the default gallery of a data folder that no service has used yet. */
export async function writeCrowd(dataDir: string, names: readonly string[]): Promise<void> {
  const bucket = bucketNames('facefleet').state;
  const folder = join(dataDir, 'buckets', bucket);
  // Nobody else is there.
  const state = new FolderObjectStore({ bucket, folder, withLock: (_lock, work) => work() });
  const gallery = new GalleryState('all');
  for (const [at, name] of names.entries()) {
    gallery.roster.add(`00000000-0000-4000-8000-${at.toString(16).padStart(12, '0')}`, name);
  }
  const keys = galleryKeys(DEFAULT_GALLERY);
  const segments = await writeSegments(state, keys, gallery, { sequence: 1, now: Date.now() });
  await swapManifest(state, keys.manifest, { version: 1, ...segments, floor: 1, folds: [] }, undefined);
}
