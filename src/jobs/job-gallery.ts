import type { GalleryId, JobTask } from './job.ts';

/** Which gallery a task is about; undefined is the default one, where detections and comparisons belong too. */
export function galleryOf(task: JobTask): GalleryId | undefined {
  return 'gallery' in task ? task.gallery : undefined;
}

/** The gallery as results name it. */
export function galleryFact(task: JobTask): { readonly galleryId?: GalleryId } {
  const galleryId = galleryOf(task);
  return galleryId === undefined ? {} : { galleryId };
}

/** The name in a gallery's id. */
export function galleryNameOf(galleryId: GalleryId): string {
  return galleryId.split('.', 1)[0] ?? '';
}
