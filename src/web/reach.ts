import type { Response } from 'express';

import { DEFAULT_GALLERY } from '../gallery/keys.ts';
import type { GalleryId } from '../jobs/job.ts';
import type { JobState } from '../jobs/job-client.ts';
import { galleryNameOf, galleryOf } from '../jobs/job-gallery.ts';
import { accessOf } from './access.ts';
import { HttpProblem } from './problem.ts';

/**
 * Whether the caller may know of what belongs to this gallery (undefined: the default one). A key that is kept to a gallery
 * knows nothing of another's, whatever ids it was given.
 */
export function isWithinReach(response: Response, galleryId: GalleryId | undefined): boolean {
  const { gallery } = accessOf(response);
  if (gallery === null) return true;
  return gallery === (galleryId === undefined ? DEFAULT_GALLERY : galleryNameOf(galleryId));
}

/** The job, if there is one for this caller. @throws HttpProblem 404 */
export function jobWithinReach(response: Response, found: JobState | undefined): JobState {
  if (found === undefined || !isWithinReach(response, galleryOfJob(found))) {
    throw new HttpProblem(404, 'there is no such job');
  }
  return found;
}

function galleryOfJob(found: JobState): GalleryId | undefined {
  return found.state === 'finished' ? found.result.galleryId : galleryOf(found.record.task);
}
