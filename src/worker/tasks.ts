import { errorCode, errorMessage, FacefleetError } from '../errors.ts';
import type { GalleryChanges } from '../gallery/enrolment.ts';
import type { MatchOptions, MatchOutcome, Probe } from '../gallery/types.ts';
import type { DoneResult, FaceResult, JobRecord, JobTask } from '../jobs/job.ts';
import type { Face, RecognisedPicture } from '../recognition/types.ts';
import { TaskRefusedError } from './failure.ts';
import type { GalleryWatch } from './gallery-watch.ts';
import type { PictureReader } from './isolated-recogniser.ts';

/** What a task finds out; the rest of the result is the same for all. */
export type TaskOutcome = Pick<
  DoneResult,
  'picture' | 'faces' | 'facesCut' | 'packId' | 'galleryVersion' | 'enrolment'
> & { readonly timings: Partial<DoneResult['timings']> };

export interface TaskTools {
  readonly gallery: GalleryWatch;
  readonly changes: GalleryChanges;
  /** How often a stranger may get a name, unless the job says otherwise. */
  readonly falsePositiveRate: number;
  readonly smallFaces: boolean;
  /** The pack that answers. */
  readonly packId: string;
}

/** The pack whose recogniser a task needs. */
export function packFor(task: JobTask, { packId }: TaskTools): string {
  return task.kind === 'reembed' ? task.pack : packId;
}

export interface TaskInput {
  readonly record: JobRecord;
  /** Encoded. */
  readonly picture: Buffer;
}

/** Does what the record asks for. `reader` recognises in this process or in one apart. */
export function runTask(input: TaskInput, reader: PictureReader, tools: TaskTools): Promise<TaskOutcome> {
  const { task } = input.record;
  switch (task.kind) {
    case 'recognise':
      return recognise(input, task, reader, tools);
    case 'detect':
      return detect(input, reader, tools);
    case 'enrol':
      return enrol(input, reader, tools);
    case 'reembed':
      return reembed(input, task, reader, tools);
    default:
      throw unknownTask(task);
  }
}

async function recognise(
  { picture }: TaskInput,
  { topK, falsePositiveRate }: Extract<JobTask, { kind: 'recognise' }>,
  reader: PictureReader,
  { gallery, falsePositiveRate: usualRate, smallFaces }: TaskTools,
): Promise<TaskOutcome> {
  const seen = await reader.recognise(picture, { smallFaces });
  const startedAt = performance.now();
  const probes = seen.faces.map((face) => ({ embedding: face.embedding, sizePx: face.quality.sizePx }));
  const { galleryVersion, outcomes } = await matchUpToDate(gallery, probes, {
    falsePositiveRate: falsePositiveRate ?? usualRate,
    ...(topK === undefined ? {} : { topK }),
  });
  return {
    ...outcomeOf(
      seen,
      galleryVersion,
      seen.faces.map((face, at) => faceResult(face, outcomes[at])),
    ),
    timings: { ...seen.timings, matchMs: performance.now() - startedAt },
  };
}

/** Somebody who was removed a moment ago is not named: a match that names anybody holds only against the newest gallery. */
async function matchUpToDate(
  gallery: GalleryWatch,
  probes: readonly Probe[],
  options: MatchOptions,
): Promise<{ galleryVersion: number; outcomes: readonly MatchOutcome[] }> {
  const galleryVersion = gallery.replica.version;
  const outcomes = await gallery.replica.match(probes, options);
  if (outcomes.every(({ candidates, person }) => person === null && candidates.length === 0)) {
    return { galleryVersion, outcomes };
  }
  await gallery.refresh();
  if (gallery.replica.version === galleryVersion) return { galleryVersion, outcomes };
  const version = gallery.replica.version;
  return { galleryVersion: version, outcomes: await gallery.replica.match(probes, options) };
}

async function detect(
  { picture }: TaskInput,
  reader: PictureReader,
  { gallery, smallFaces }: TaskTools,
): Promise<TaskOutcome> {
  const seen = await reader.recognise(picture, { until: 'detect', smallFaces });
  return outcomeOf(seen, gallery.replica.version);
}

async function enrol(
  { picture, record }: TaskInput,
  reader: PictureReader,
  { gallery, changes, smallFaces }: TaskTools,
): Promise<TaskOutcome> {
  const seen = await reader.recognise(picture, { crops: true, smallFaces });
  const enrolment = await changes.enrol(seen, record).catch((error: unknown) => {
    const code = errorCode(error);
    const isAskedWrongly = code === 'not-found' || code === 'bad-request';
    throw isAskedWrongly ? new TaskRefusedError(errorMessage(error), { cause: error }) : error;
  });
  // A worker with a new version beats at once, and the controller tells the others.
  await gallery.refresh();
  return { ...outcomeOf(seen, gallery.replica.version), enrolment };
}

/** The picture is an enrolment crop. */
async function reembed(
  { picture }: TaskInput,
  { faceId, pack }: Extract<JobTask, { kind: 'reembed' }>,
  reader: PictureReader,
  { gallery, changes }: TaskTools,
): Promise<TaskOutcome> {
  const startedAt = performance.now();
  const embedding = await reader.embedCrop(picture);
  await changes.addTemplate({ faceId, packId: pack, embedding });
  return {
    picture: { width: CROP_SIZE_PX, height: CROP_SIZE_PX, format: 'jpeg' },
    faces: [],
    facesCut: 0,
    packId: pack,
    galleryVersion: gallery.replica.version,
    timings: { embedMs: performance.now() - startedAt },
  };
}

const CROP_SIZE_PX = 160;

function outcomeOf(
  seen: RecognisedPicture,
  galleryVersion: number,
  faces: readonly FaceResult[] = seen.faces.map((face) => faceResult(face, undefined)),
): TaskOutcome {
  const { width, height, format, facesCut, packId, timings } = seen;
  return { picture: { width, height, format }, faces, facesCut, packId, galleryVersion, timings };
}

/** Without an outcome nobody was looked for. */
function faceResult(
  { box, landmarks, detectionScore, quality }: Face,
  outcome: MatchOutcome | undefined,
): FaceResult {
  const nobody = { person: null, similarity: null, margin: null, threshold: null, candidates: [] };
  return { box, landmarks, detectionScore, quality, ...(outcome ?? nobody) };
}

/** From a release that knows more kinds than this one. */
function unknownTask(task: never): FacefleetError {
  return new FacefleetError(
    'data-corrupt',
    `the record asks for the unknown task ${JSON.stringify(task)}, expected recognise, detect, enrol or reembed`,
  );
}
