import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { UnavailableError } from '../errors.ts';
import type { EnrolReport, EnrolTask, JobRecord } from '../jobs/job.ts';
import { overlap } from '../recognition/boxes.ts';
import type { Box, Face, RecognisedPicture } from '../recognition/types.ts';
import type { Gallery } from './gallery.ts';
import type { GalleryReplica, MatchOutcome } from './types.ts';

/** Widths of the face box in pixels. Below the first, two faces in five are no longer recognised; from the second on hardly any are missed. */
const SMALLEST_FACE_PX = 28;
const GOOD_FACE_PX = 40;
/** Under this share of the largest face's width a face is background: of 536 news portraits a smaller one never was the person meant. */
const BACKGROUND_SHARE = 2 / 3;
/** A face in the middle that takes this share of the picture's width is whom the picture was taken of. */
const SUBJECT_SHARE = 0.3;
/** Intersection over union from which two boxes are of one face. */
const SAME_PLACE_OVERLAP = 0.5;
/** Quality under which the report says that another picture would do better. */
const POOR_QUALITY = 0.5;
/** How often a new person may be held up for resembling somebody by chance: rarer than strangers may get a name, since whole folders are enrolled. */
const FALSE_ALARM_RATE = 0.001;

export interface EnrolmentOptions {
  readonly gallery: Gallery;
  readonly replica: GalleryReplica;
}

/** What workers do to a gallery. */
export interface GalleryChanges {
  /**
   * Enrols the face of a picture that was recognised with crops, or says why not. Repeating it for one job changes
   * nothing and says the same.
   *
   * @throws FacefleetError `erased` when the person was removed after the job was submitted.
   * @throws UnavailableError when the gallery was switched to another pack: a worker that has it must do it.
   * @throws NotFoundError when the task names an id that nobody ever had, FacefleetError `bad-request` for a name that is none.
   */
  enrol(picture: RecognisedPicture, record: JobRecord): Promise<EnrolReport>;
  /** Adds a face's embedding under another pack; nothing when the face is gone or has one. */
  addTemplate(template: { faceId: string; packId: string; embedding: Float32Array }): Promise<void>;
}

export function createGalleryChanges({ gallery, replica }: EnrolmentOptions): GalleryChanges {
  return {
    enrol: async (picture, record) => {
      assert(record.task.kind === 'enrol', `an enrolment was asked for, not ${record.task.kind}`);
      return enrol({ gallery, replica }, picture, record, record.task);
    },
    addTemplate: async (template) => {
      await gallery.addTemplates([template]);
    },
  };
}

async function enrol(
  { gallery, replica }: EnrolmentOptions,
  picture: RecognisedPicture,
  record: JobRecord,
  task: EnrolTask,
): Promise<EnrolReport> {
  const face = task.face === undefined ? picture.faces[0] : faceAt(picture, task.face);
  const unfit = whyUnfit(picture, face, task);
  if (unfit !== undefined) return unfit;
  assert(face !== undefined);
  // Erased, or an id that is none: better known before anybody is compared with.
  const person = await gallery.find(task.person);
  await replica.refresh();
  const { activePack = picture.packId } = replica;
  if (activePack !== picture.packId) {
    throw new UnavailableError(
      `the gallery answers with the pack ${activePack}, and this worker embeds with ${picture.packId}`,
    );
  }
  const lookalike = task.force === true ? undefined : await findLookalike(replica, face, person?.personId);
  if (lookalike !== undefined) return resembles(task.person, lookalike);
  return add(gallery, { face, record, task, packId: picture.packId });
}

/** Why this face of the picture can't be enrolled; undefined when it can. */
function whyUnfit(
  picture: RecognisedPicture,
  face: Face | undefined,
  { person, face: wanted }: EnrolTask,
): EnrolReport | undefined {
  if (face === undefined) {
    const message =
      wanted === undefined
        ? 'no face was found in the picture'
        : 'no face was found in this place of the picture';
    return { verdict: 'no-face', person, message };
  }
  const sizePx = face.quality.sizePx;
  const prominent = picture.faces.filter((other) => other.quality.sizePx >= sizePx * BACKGROUND_SHARE);
  if (wanted === undefined && prominent.length > 1 && !isSubject(face, picture)) {
    const message = `${prominent.length} faces are about as large: enrol a picture of one person`;
    return { verdict: 'several-faces', person, message };
  }
  if (sizePx < SMALLEST_FACE_PX) {
    const message = `the face is ${Math.round(sizePx)} px wide, expected at least ${SMALLEST_FACE_PX}`;
    return { verdict: 'too-small', person, message };
  }
  return undefined;
}

/** The face that overlaps the box most, if by half: the same picture read again gives the same boxes, or nearly. */
function faceAt({ faces }: RecognisedPicture, box: Box): Face | undefined {
  const overlapping = faces
    .map((face) => ({ face, share: overlap(face.box, box) }))
    .filter(({ share }) => share >= SAME_PLACE_OVERLAP)
    .sort((one, other) => other.share - one.share);
  return overlapping[0]?.face;
}

/**
 * Whether it is plainly a portrait of this face with somebody beside: it fills the middle of the picture. Two faces can't both
 * do so, and in a group nobody's is as wide.
 */
function isSubject({ box }: Face, { width, height }: RecognisedPicture): boolean {
  const holds = (start: number, length: number, point: number) => start < point && point < start + length;
  const isCentral = holds(box.x, box.width, width / 2) && holds(box.y, box.height, height / 2);
  return isCentral && box.width >= width * SUBJECT_SHARE;
}

/** Somebody else whom the face resembles more than the person it is said to be. */
async function findLookalike(
  replica: GalleryReplica,
  face: Face,
  personId: string | undefined,
): Promise<MatchOutcome | undefined> {
  const probe = { embedding: face.embedding, sizePx: face.quality.sizePx };
  const [outcome] = await replica.match([probe], { falsePositiveRate: FALSE_ALARM_RATE, topK: 1 });
  const isOther = outcome !== undefined && outcome.person !== null && outcome.person.id !== personId;
  return isOther ? outcome : undefined;
}

function resembles(person: string, { person: other, similarity }: MatchOutcome): EnrolReport {
  assert(other !== null && similarity !== null);
  return {
    verdict: 'looks-like-another',
    person,
    message: `resembles ${other.name} (similarity ${similarity.toFixed(2)}); if they are not the same person, enrol with force`,
    resembles: { personId: other.id, name: other.name, similarity },
  };
}

interface Enrolling {
  readonly face: Face;
  readonly record: JobRecord;
  readonly task: EnrolTask;
  readonly packId: string;
}

async function add(gallery: Gallery, { face, record, task, packId }: Enrolling): Promise<EnrolReport> {
  assert(face.crop !== undefined, 'enrolment needs the aligned crop of the face');
  const { personId, faceId, isDuplicate } = await gallery.addFace({
    person: task.person,
    packId,
    embedding: face.embedding,
    sizePx: face.quality.sizePx,
    embeddingNorm: face.quality.embeddingNorm,
    pictureSha256: record.sha256,
    crop: face.crop,
    faceId: faceIdOf(record.jobId),
    requestedAt: record.submittedAt,
    ...(task.source === undefined ? {} : { source: task.source }),
    ...(task.externalId === undefined ? {} : { externalId: task.externalId }),
  });
  const verdict = isDuplicate ? 'duplicate' : 'enrolled';
  const message = isDuplicate ? 'this picture was enrolled for this person before' : enrolledMessage(face);
  return { verdict, person: task.person, personId, faceId, message };
}

function enrolledMessage({ quality }: Face): string {
  if (quality.sizePx < GOOD_FACE_PX)
    return `enrolled, but the face is only ${Math.round(quality.sizePx)} px wide; ${GOOD_FACE_PX} or more are recognised better`;
  if (quality.overall < POOR_QUALITY)
    return `enrolled, but the picture is poor (quality ${quality.overall.toFixed(2)}); a sharp one from the front is recognised better`;
  return 'enrolled';
}

/** One job enrols one face, however often it is worked off. */
function faceIdOf(jobId: string): string {
  const hex = createHash('sha256').update(`face of job ${jobId}`).digest('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}
