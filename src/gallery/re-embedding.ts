import { errorCode, errorMessage, FacefleetError } from '../errors.ts';
import type { GalleryId } from '../jobs/job.ts';
import type { JobClient } from '../jobs/job-client.ts';
import type { Gallery } from './gallery.ts';

const WAIT_SECONDS = 600;
/** Faces enrolled meanwhile make another round; with more rounds than this they come faster than they are re-embedded. */
const MAX_ROUNDS = 10;

export interface ReEmbeddingOptions {
  readonly gallery: Gallery;
  readonly jobs: JobClient;
  readonly packId: string;
  /** Of the gallery; absent for the default one. */
  readonly galleryId?: GalleryId;
  /** Faces under way at once. */
  readonly parallel: number;
  /** Called once a round, and after each face of it. */
  readonly onProgress: (done: number, total: number) => void;
}

/**
 * Embeds every face that has no template of the pack from the crop that was kept of it, by jobs for the workers, then
 * makes the pack the one that answers. Until then the old one does. Resolves to how many faces that took; repeating it
 * after an error goes on where it was.
 *
 * @throws FacefleetError `conflict` when a face could not be embedded: nothing is switched.
 */
export async function reembedAll(options: ReEmbeddingOptions): Promise<number> {
  const { gallery, packId } = options;
  let embedded = 0;
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const missing = await gallery.facesWithout(packId);
    await embedFaces(missing, options);
    embedded += missing.length;
    try {
      await gallery.usePack(packId);
      return embedded;
    } catch (error) {
      if (errorCode(error) !== 'conflict') throw error;
    }
  }
  throw new FacefleetError(
    'conflict',
    'faces are enrolled faster than they are embedded again; pause the enrolment and repeat it',
  );
}

async function embedFaces(faceIds: readonly string[], options: ReEmbeddingOptions): Promise<void> {
  const queue = faceIds.values();
  const problems: string[] = [];
  let done = 0;
  options.onProgress(done, faceIds.length);
  const lane = async () => {
    for (const faceId of queue) {
      const problem = await embedFace(faceId, options);
      if (problem !== undefined) problems.push(`face ${faceId}: ${problem}`);
      options.onProgress(++done, faceIds.length);
    }
  };
  await Promise.all(Array.from({ length: options.parallel }, lane));
  const [first] = problems;
  if (first === undefined) return;
  throw new FacefleetError(
    'conflict',
    `${problems.length} of ${faceIds.length} faces could not be embedded with ${options.packId}: ${first}`,
  );
}

/** Resolves to what was wrong; undefined when the face has its template, or was erased meanwhile. */
async function embedFace(
  faceId: string,
  { gallery, jobs, packId, galleryId }: ReEmbeddingOptions,
): Promise<string | undefined> {
  try {
    const crop = await gallery.crop(faceId);
    if (crop === undefined)
      return (await gallery.ownerOf(faceId)) === undefined ? undefined : 'its crop is missing';
    const { jobId } = await jobs.submit({
      picture: crop,
      fileName: '',
      contentType: 'image/jpeg',
      task: {
        ...{ kind: 'reembed', faceId, pack: packId },
        ...(galleryId !== undefined && { gallery: galleryId }),
      },
      waitSeconds: WAIT_SECONDS,
    });
    const result = await jobs.wait(jobId, { timeoutSeconds: WAIT_SECONDS });
    if (result === undefined) return `no worker answered within ${WAIT_SECONDS} s`;
    return result.status === 'done' || result.error.code === 'erased' ? undefined : result.error.message;
  } catch (error) {
    return errorMessage(error);
  }
}
