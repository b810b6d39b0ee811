import { errorCode, errorMessage, FacefleetError } from '../errors.ts';
import type { MatchOptions, MatchOutcome, Probe } from '../gallery/types.ts';
import type {
  CompareTask,
  DoneResult,
  FaceResult,
  JobRecord,
  JobTask,
  RecogniseTask,
  ReembedTask,
} from '../jobs/job.ts';
import { galleryOf } from '../jobs/job-gallery.ts';
import type { Face, RecognisedPicture } from '../recognition/types.ts';
import { TaskRefusedError } from './failure.ts';
import type { Galleries, WorkerGallery } from './galleries.ts';
import type { GalleryWatch } from './gallery-watch.ts';
import type { PictureReader } from './isolated-recogniser.ts';

/** What a task finds out; the rest of the result is the same for all. */
export type TaskOutcome = Pick<
  DoneResult,
  'picture' | 'faces' | 'facesCut' | 'packId' | 'galleryVersion' | 'enrolment' | 'comparison'
> & { readonly timings: Partial<DoneResult['timings']> };

export interface TaskTools {
  readonly galleries: Galleries;
  /** How often a stranger may get a name, unless the job says otherwise. */
  readonly falsePositiveRate: number;
  readonly smallFaces: boolean;
}

/** The pack whose recogniser a task needs. */
export function packFor(task: JobTask, { packId }: WorkerGallery): string {
  return task.kind === 'reembed' ? task.pack : packId;
}

export interface TaskInput {
  readonly record: JobRecord;
  /** Encoded. */
  readonly picture: Buffer;
  readonly gallery: WorkerGallery;
}

/** Does what the record asks for. `reader` recognises in this process or in one apart. */
export function runTask(input: TaskInput, reader: PictureReader, tools: TaskTools): Promise<TaskOutcome> {
  const { task } = input.record;
  switch (task.kind) {
    case 'recognise':
      return recognise(input, task, reader, tools);
    case 'detect':
      return detect(input, reader, tools);
    case 'compare':
      return compare(input, task, reader, tools);
    case 'enrol':
      return enrol(input, reader, tools);
    case 'reembed':
      return reembed(input, task, reader);
    default:
      throw unknownTask(task);
  }
}

async function recognise(
  { picture, gallery: { watch } }: TaskInput,
  task: RecogniseTask,
  reader: PictureReader,
  { falsePositiveRate, smallFaces }: TaskTools,
): Promise<TaskOutcome> {
  const seen = await reader.recognise(picture, { smallFaces });
  const startedAt = performance.now();
  const { kind: _, gallery: __, ...wishes } = task;
  const { galleryVersion, outcomes } = await matchUpToDate(watch, probesOf(seen), {
    falsePositiveRate,
    ...wishes,
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

function probesOf({ faces }: RecognisedPicture): Probe[] {
  return faces.map(({ embedding, quality: { sizePx } }) => ({ embedding, sizePx }));
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
  { picture, gallery: { watch } }: TaskInput,
  reader: PictureReader,
  { smallFaces }: TaskTools,
): Promise<TaskOutcome> {
  const seen = await reader.recognise(picture, { until: 'detect', smallFaces });
  return outcomeOf(seen, watch.replica.version);
}

async function compare(
  { picture, gallery: { watch } }: TaskInput,
  { kind: _, firstBytes, ...limits }: CompareTask,
  reader: PictureReader,
  { smallFaces }: TaskTools,
): Promise<TaskOutcome> {
  const seen = await reader.recognise(picture.subarray(0, firstBytes), { smallFaces });
  const other = await reader.recognise(picture.subarray(firstBytes), { smallFaces });
  const startedAt = performance.now();
  const pairs = watch.replica.compare(probesOf(seen), probesOf(other), limits);
  const { picture: size, faces, facesCut } = outcomeOf(other, watch.replica.version);
  return {
    ...outcomeOf(seen, watch.replica.version),
    comparison: { picture: size, faces, facesCut, pairs },
    timings: {
      decodeMs: seen.timings.decodeMs + other.timings.decodeMs,
      detectMs: seen.timings.detectMs + other.timings.detectMs,
      embedMs: seen.timings.embedMs + other.timings.embedMs,
      matchMs: performance.now() - startedAt,
    },
  };
}

async function enrol(
  { picture, record, gallery: { watch, changes } }: TaskInput,
  reader: PictureReader,
  { galleries, smallFaces }: TaskTools,
): Promise<TaskOutcome> {
  const galleryId = galleryOf(record.task);
  const seen = await reader.recognise(picture, { crops: true, smallFaces });
  if (!(await galleries.isOpen(galleryId))) throw new FacefleetError('erased', 'the gallery was removed');
  const enrolment = await changes.enrol(seen, record).catch((error: unknown) => {
    const code = errorCode(error);
    const isAskedWrongly = code === 'not-found' || code === 'bad-request';
    throw isAskedWrongly ? new TaskRefusedError(errorMessage(error), { cause: error }) : error;
  });
  // A worker with a new version beats at once, and the controller tells the others.
  await watch.refresh();
  return { ...outcomeOf(seen, watch.replica.version), enrolment };
}

/** The picture is an enrolment crop. */
async function reembed(
  { picture, gallery: { watch, changes } }: TaskInput,
  { faceId, pack }: ReembedTask,
  reader: PictureReader,
): Promise<TaskOutcome> {
  const startedAt = performance.now();
  const embedding = await reader.embedCrop(picture);
  await changes.addTemplate({ faceId, packId: pack, embedding });
  return {
    picture: { width: CROP_SIZE_PX, height: CROP_SIZE_PX, format: 'jpeg' },
    faces: [],
    facesCut: 0,
    packId: pack,
    galleryVersion: watch.replica.version,
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
    `the record asks for the unknown task ${JSON.stringify(task)}, expected recognise, detect, compare, enrol or reembed`,
  );
}
