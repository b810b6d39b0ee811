import type { Box, FaceQuality, Landmarks, RecognitionTimings } from '../recognition/types.ts';

export const JOB_FORMAT_VERSION = 1;

/** What goes over the request queue: at most 1,024 bytes. Everything else is in the record. */
export interface JobMessage {
  readonly version: number;
  readonly jobId: string;
  /** Queue that the answer goes to; absent when nobody waits. */
  readonly replyQueue?: string;
  /** Milliseconds since the epoch. */
  readonly submittedAt: number;
  /** When nobody waits any more; the job is worked off all the same. */
  readonly deadline: number;
  readonly traceId: string;
  /** The span that submitted it; absent when nobody records the trace. */
  readonly parentSpanId?: string;
  /** Somebody may follow the job: the reply queue hears of its stages, not only of its end. */
  readonly tellsProgress?: boolean;
  /** Brought back from the dead letters: a result that failed doesn't count, the new one replaces it. */
  readonly redriven?: boolean;
}

/** What goes over a response queue: the result itself is in the output bucket. */
export interface JobAnswer {
  readonly version: number;
  readonly jobId: string;
  /** `working`: it has got to `stage`, and has no result yet. */
  readonly status: JobResult['status'] | 'working';
  readonly stage?: JobStage;
}

/** What a worker tells of a job on its way, in this order. */
export const JOB_STAGES = ['started', 'recognise', 'store'] as const;
export type JobStage = (typeof JOB_STAGES)[number];

/** What is asked about a picture. */
export type JobTask = RecogniseTask | { readonly kind: 'detect' } | CompareTask | EnrolTask | ReembedTask;

/** What tells somebody's face from a stranger's: the operator's false positive rate, unless one of these says otherwise. */
export interface MatchLimits {
  /** How often a single comparison with a stranger may pass. */
  readonly falseMatchRate?: number;
  /** What the similarity has to reach, whatever rate that comes to. */
  readonly threshold?: number;
}

export interface RecogniseTask extends MatchLimits {
  readonly kind: 'recognise';
  readonly topK?: number;
  readonly falsePositiveRate?: number;
  /** Whether several faces of the picture may be one person. */
  readonly allowRepeats?: boolean;
  readonly gallery?: GalleryId;
}

/** The upload is two pictures, one after the other; each face of the first is compared with each of the second. */
export interface CompareTask extends MatchLimits {
  readonly kind: 'compare';
  /** Size of the first. */
  readonly firstBytes: number;
}

export interface EnrolTask {
  readonly kind: 'enrol';
  readonly person: string;
  /** Enrol although the face resembles another person. */
  readonly force?: boolean;
  /** Where the picture came from, for the report. */
  readonly source?: string;
  /** What the caller calls the face. */
  readonly externalId?: string;
  /** Which face of the picture: the one that overlaps this most. Without it, whose portrait it is. */
  readonly face?: Box;
  /** The job whose picture this is: an erasure of the person takes that one too. */
  readonly fromJobId?: string;
  readonly gallery?: GalleryId;
}

export interface ReembedTask {
  readonly kind: 'reembed';
  readonly faceId: string;
  readonly pack: string;
  readonly gallery?: GalleryId;
}

/** Of a gallery other than the default one: name and, after a dot, which one of those that ever had it. */
export type GalleryId = string;

/**
 * All that is known of a job before it is worked off. In the `native` dialect it is the metadata of the input object
 * `uploads/<job id>`; in the `course` dialect, where the input key is the file name, the object `records/<job id>.json` of the state bucket.
 */
export interface JobRecord {
  readonly version: number;
  readonly jobId: string;
  readonly inputKey: string;
  /** As the client sent it, never used as a path. */
  readonly fileName: string;
  readonly contentType: string;
  /** Hex, of the picture's bytes. */
  readonly sha256: string;
  readonly sizeBytes: number;
  readonly submittedAt: number;
  readonly traceId: string;
  readonly dialect: Dialect;
  readonly task: JobTask;
  /** The batch that it is a part of, which has its messages sent. */
  readonly batchId?: string;
}

export type Dialect = 'native' | 'course';

export interface Candidate {
  readonly personId: string;
  readonly name: string;
  /** Cosine of the best of the person's faces. */
  readonly similarity: number;
  /** How often two strangers reach that at these face sizes. */
  readonly falseMatchRate?: number;
}

/** Why a face is `unknown`: nobody is enrolled, nobody is similar enough, or the one who is was given to another face of the picture. */
export type UnknownReason = 'empty-gallery' | 'too-dissimilar' | 'given-to-another-face';

/** One face of the answer. */
export interface FaceResult {
  readonly box: Box;
  readonly landmarks: Landmarks;
  readonly detectionScore: number;
  readonly quality: FaceQuality;
  /** Who it is, or null: `unknown`. */
  readonly person: { readonly id: string; readonly name: string } | null;
  /** Cosine to the best person, also when it is below the threshold; null in an empty gallery. */
  readonly similarity: number | null;
  /** Best minus second-best person; null with fewer than two people. */
  readonly margin: number | null;
  /** What the similarity had to reach. */
  readonly threshold: number | null;
  /** How often two strangers reach this similarity at these face sizes; null in an empty gallery. Absent in results of earlier releases, as the next. */
  readonly falseMatchRate?: number | null;
  readonly unknownReason?: UnknownReason | null;
  /** Best first, `topK` of them (default 3). */
  readonly candidates: readonly Candidate[];
}

export interface JobTimings extends Partial<RecognitionTimings> {
  /** From submission to the start of work. */
  readonly queueMs: number;
  readonly fetchMs?: number;
  readonly matchMs?: number;
}

export type EnrolVerdict =
  | 'enrolled'
  | 'duplicate'
  | 'no-face'
  | 'several-faces'
  | 'too-small'
  | 'looks-like-another'
  | 'bad-image';

export interface EnrolReport {
  readonly verdict: EnrolVerdict;
  readonly person: string;
  readonly personId?: string;
  readonly faceId?: string;
  readonly message: string;
  /** With `looks-like-another`: whom, and how much. */
  readonly resembles?: { readonly personId: string; readonly name: string; readonly similarity: number };
}

export type JobErrorCode =
  | 'bad-image'
  /** The task names a person that never was, or a name that is none. */
  | 'bad-request'
  | 'too-large'
  | 'poison'
  | 'erased'
  | 'cancelled'
  | 'dead-letter'
  | 'internal';

interface ResultBase {
  readonly version: number;
  readonly jobId: string;
  readonly fileName: string;
  readonly kind: JobTask['kind'];
  readonly submittedAt: number;
  readonly finishedAt: number;
  readonly traceId: string;
  readonly instanceId: string;
  /** Absent for the default one, and in failures of earlier releases. */
  readonly galleryId?: GalleryId;
}

export interface DoneResult extends ResultBase {
  readonly status: 'done';
  readonly picture: { readonly width: number; readonly height: number; readonly format: string };
  readonly faces: readonly FaceResult[];
  readonly facesCut: number;
  readonly packId: string;
  readonly galleryVersion: number;
  readonly timings: JobTimings;
  readonly enrolment?: EnrolReport;
  readonly comparison?: Comparison;
}

/** The second picture of a comparison (the first is the result's own), and each face of the first with each of the second. */
export interface Comparison {
  readonly picture: DoneResult['picture'];
  readonly faces: readonly FaceResult[];
  readonly facesCut: number;
  /** Most similar first. */
  readonly pairs: readonly ComparedPair[];
}

export interface ComparedPair {
  /** Index into the faces of the first picture, and of the second. */
  readonly first: number;
  readonly second: number;
  readonly isSamePerson: boolean;
  /** Cosine. */
  readonly similarity: number;
  /** What it had to reach at these face sizes. */
  readonly threshold: number;
  /** How often two strangers reach this similarity at these face sizes. */
  readonly falseMatchRate: number;
}

export interface FailedResult extends ResultBase {
  readonly status: 'failed';
  readonly error: { readonly code: JobErrorCode; readonly message: string };
}

/** The truth about a finished job: `results/<job id>.json` of the output bucket, created once. */
export type JobResult = DoneResult | FailedResult;
