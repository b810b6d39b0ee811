// Written by `node scripts/client-types.ts` from the contracts of the HTTP interface: don't change it by hand.

export interface Access {
  /** What the key may do; `admin` holds the others too. */
  readonly scopes: readonly ('recognise' | 'enrol' | 'admin')[];
  /** The only one within reach; null for all. */
  readonly gallery: string | null;
}

export interface ApiKey {
  /** The twelve characters behind `ff_` of the key itself. */
  readonly id: string;
  readonly name: string;
  /** What the key may do; `admin` holds the others too. */
  readonly scopes: readonly ('recognise' | 'enrol' | 'admin')[];
  /** The only one within reach; null for all. */
  readonly gallery: string | null;
  /** Null: without limit. */
  readonly requestsPerMinute: number | null;
  /** Milliseconds since the epoch. */
  readonly createdAt: number;
  readonly expiresAt: number | null;
  readonly state: 'good' | 'revoked' | 'expired';
}

export interface ApiKeyOrder {
  /** Whose it is, or what for. */
  readonly name: string;
  /** What the key may do; `admin` holds the others too. */
  readonly scopes: readonly ('recognise' | 'enrol' | 'admin')[];
  /** Keeps the key to one gallery; not with `admin`. */
  readonly gallery?: string | undefined;
  readonly requestsPerMinute?: number | undefined;
  /** Milliseconds since the epoch. */
  readonly expiresAt?: number | undefined;
}

export interface Batch {
  readonly batchId: string;
  /** `cancelling`: what is not finished yet is being cancelled. */
  readonly status: 'running' | 'done' | 'cancelling' | 'cancelled';
  readonly kind: 'zip' | 'ndjson';
  /** Pictures, each a job. */
  readonly total: number;
  /** Files of the archive that were not meant to be pictures. */
  readonly skipped: number;
  /** Jobs that were handed to the workers. */
  readonly sent: number;
  /** Jobs that have their result, counted in order. */
  readonly finished: number;
  /** Of those, how many failed. */
  readonly failed: number;
  /** Milliseconds since the epoch. */
  readonly createdAt: number;
  /** Milliseconds since the epoch. */
  readonly finishedAt?: number;
  /** Which gallery; absent for the default one. */
  readonly galleryId?: string;
}

/** Pixels of the upright picture, from its upper left corner. */
export interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

export interface Candidate {
  readonly personId: string;
  readonly name: string;
  /** Cosine to the best face of this person. */
  readonly similarity: number;
  /** How often two strangers reach that at these face sizes. */
  readonly falseMatchRate?: number;
}

export type Check = 'ok' | 'failed' | 'no answer';

export interface Comparison {
  readonly picture: {
    readonly width: number;
    readonly height: number;
    readonly format: string;
  };
  /** Of the second picture, largest first. */
  readonly faces: readonly Face[];
  readonly facesCut: number;
  /** Each face of the first picture with each of the second, most similar first. */
  readonly pairs: readonly {
    /** Index into the faces of the first picture. */
    readonly first: number;
    /** Index into the faces of the second picture. */
    readonly second: number;
    readonly isSamePerson: boolean;
    /** Cosine. */
    readonly similarity: number;
    /** What it had to reach at these face sizes. */
    readonly threshold: number;
    /** How often two strangers reach this similarity at these face sizes. */
    readonly falseMatchRate: number;
  }[];
}

export interface CreatedPerson {
  readonly person: Person;
  readonly picture?: EnrolledPicture;
}

export interface DeadJob {
  /** Absent when the message cannot be read. */
  readonly jobId?: string;
  /** Absent when the job’s record is gone. */
  readonly fileName?: string;
  readonly reason: string;
  /** Milliseconds since the epoch. */
  readonly diedAt: number;
}

export interface DeadLetterReport {
  readonly done: readonly DeadJob[];
  /** They stay: their picture is gone, or nobody can read them. */
  readonly impossible: readonly DeadJob[];
  /** Ids that no dead letter has. */
  readonly missing: readonly string[];
}

export interface DoneResult {
  readonly version: number;
  readonly jobId: string;
  /** As the client sent it. */
  readonly fileName: string;
  readonly kind: 'recognise' | 'detect' | 'compare' | 'enrol' | 'reembed';
  /** Milliseconds since the epoch. */
  readonly submittedAt: number;
  /** Milliseconds since the epoch. */
  readonly finishedAt: number;
  readonly traceId: string;
  /** The worker that did it. */
  readonly instanceId: string;
  /** Which gallery; absent for the default one. */
  readonly galleryId?: string;
  readonly status: 'done';
  readonly picture: {
    readonly width: number;
    readonly height: number;
    readonly format: string;
  };
  /** Largest first. */
  readonly faces: readonly Face[];
  /** How many more faces were found and left out. */
  readonly facesCut: number;
  /** The model pack that this rests on. */
  readonly packId: string;
  /** The gallery as of this change. */
  readonly galleryVersion: number;
  /** Milliseconds by stage. */
  readonly timings: Timings;
  readonly comparison?: Comparison;
  /** What became of a picture that was to be enrolled. */
  readonly enrolment?: Enrolment;
}

export interface EnrolledFace {
  readonly id: string;
  readonly externalId: string | null;
  /** A counterexample was taken for this person and is not: who looks more like it than like them does not get their name. */
  readonly role: 'example' | 'counterexample';
  /** Width of the face box in pixels of the picture. */
  readonly sizePx: number;
  /** Milliseconds since the epoch. */
  readonly addedAt: number;
  /** The picture’s file name. */
  readonly source: string | null;
  /** The aligned face, a JPEG of 160 pixels. */
  readonly thumbnail: string;
}

export interface EnrolledPicture {
  readonly fileName: string;
  readonly externalId: string | null;
  /** Null for one that was refused at once. */
  readonly jobId: string | null;
  /** `duplicate`: this picture was enrolled for them before; `pending`: not finished yet, `/v1/jobs/{jobId}` will tell; `failed`: nothing was found out about it. */
  readonly verdict:
    | 'enrolled'
    | 'duplicate'
    | 'no-face'
    | 'several-faces'
    | 'too-small'
    | 'looks-like-another'
    | 'bad-image'
    | 'failed'
    | 'pending';
  readonly message: string;
  readonly faceId: string | null;
  readonly resembles?: Candidate;
}

export interface EnrolledPictures {
  readonly pictures: readonly EnrolledPicture[];
  readonly galleryVersion: number;
}

/** What became of a picture that was to be enrolled. */
export interface Enrolment {
  readonly verdict:
    | 'enrolled'
    | 'duplicate'
    | 'no-face'
    | 'several-faces'
    | 'too-small'
    | 'looks-like-another'
    | 'bad-image';
  /** As the job named them. */
  readonly person: string;
  readonly personId?: string;
  readonly faceId?: string;
  readonly message: string;
  readonly resembles?: Candidate;
}

/** What was erased, without a name or a byte of it. */
export interface ErasureReceipt {
  readonly version: 1;
  readonly personId: string;
  readonly gallery: string;
  readonly faces: number;
  /** Jobs whose result or picture was erased, or that no longer name the person. */
  readonly jobs: number;
  /** The first one without them. */
  readonly galleryVersion: number;
  /** ISO 8601. */
  readonly requestedAt: string;
  /** ISO 8601. */
  readonly completedAt: string;
  readonly counts: {
    readonly pictures: number;
    readonly results: number;
    readonly crops: number;
    /** Parts of the gallery that were written anew without them. */
    readonly segments: number;
    /** Changes of the gallery that were emptied. */
    readonly entries: number;
    readonly others: number;
  };
  /** Every object that was deleted, or written anew without them. */
  readonly objects: readonly {
    readonly bucket: string;
    /** Or `sha256:` and its hash, where a key may hold a name. */
    readonly key: string;
    readonly action: 'deleted' | 'overwritten';
    readonly kind: 'pictures' | 'results' | 'crops' | 'segments' | 'entries' | 'others';
    /** Of the bytes that were there. */
    readonly sha256: string;
    readonly sizeBytes: number;
  }[];
}

export interface Face {
  /** Pixels of the upright picture, from its upper left corner. */
  readonly box: Box;
  /** Left eye, right eye, nose, left and right mouth corner, as seen in the picture. */
  readonly landmarks: readonly Point[];
  /** 0 to 1. */
  readonly detectionScore: number;
  readonly quality: FaceQuality;
  /** Who it is; null is `unknown`. */
  readonly person: NamedPerson | null;
  /** Cosine to the best person, also below the threshold; null in an empty gallery. */
  readonly similarity: number | null;
  /** What they have over the second-best person, each above their threshold; null with fewer than two people, negative when a better one was given to another face. */
  readonly margin: number | null;
  /** What the similarity had to reach at these face sizes and this gallery size. */
  readonly threshold: number | null;
  /** How often two strangers reach this similarity at these face sizes; null in an empty gallery. */
  readonly falseMatchRate?: number | null;
  /** Why it is nobody. */
  readonly unknownReason?: 'empty-gallery' | 'too-dissimilar' | 'given-to-another-face' | null;
  /** Best first. */
  readonly candidates: readonly Candidate[];
}

export interface FaceQuality {
  /** 0 to 1; under 0.3 expect `unknown`, under 0.5 better enrol another picture. */
  readonly overall: number;
  /** Width of the face box in pixels of the picture. */
  readonly sizePx: number;
  /** Norm of the embedding before it was normalised; 0 when nothing was embedded. */
  readonly embeddingNorm: number;
  /** 0 looks into the camera, positive turns to the right of the picture. */
  readonly yawDegrees: number;
  /** 0 is upright. */
  readonly rollDegrees: number;
  /** Variance of the Laplacian; below some 30 it is blurred. */
  readonly sharpness: number;
}

export interface FacesPage {
  readonly faces: readonly EnrolledFace[];
  /** Absent on the last page. */
  readonly nextCursor?: string;
  readonly galleryVersion: number;
}

export interface FailedResult {
  readonly version: number;
  readonly jobId: string;
  /** As the client sent it. */
  readonly fileName: string;
  readonly kind: 'recognise' | 'detect' | 'compare' | 'enrol' | 'reembed';
  /** Milliseconds since the epoch. */
  readonly submittedAt: number;
  /** Milliseconds since the epoch. */
  readonly finishedAt: number;
  readonly traceId: string;
  /** The worker that did it. */
  readonly instanceId: string;
  /** Which gallery; absent for the default one. */
  readonly galleryId?: string;
  readonly status: 'failed';
  readonly error: {
    readonly code:
      | 'bad-image'
      | 'bad-request'
      | 'too-large'
      | 'poison'
      | 'erased'
      | 'cancelled'
      | 'dead-letter'
      | 'internal';
    readonly message: string;
  };
}

export interface Fleet {
  /** Whether a controller leads; without one nothing scales. */
  readonly hasController: boolean;
  /** How many instances there should be. */
  readonly desired: number;
  /** The fewest there may be. */
  readonly minWorkers: number;
  /** The most there may be. */
  readonly maxWorkers: number;
  /** Since when an operator has had scaling paused. */
  readonly pausedAt: number | null;
  /** What holds launches back now. */
  readonly brakes: readonly {
    /** Milliseconds since the epoch. */
    readonly since: number;
    readonly reason: string;
  }[];
  readonly instances: readonly FleetInstance[];
  /** Newest first. */
  readonly decisions: readonly ScalingDecision[];
}

export interface FleetInstance {
  /** The numbered place in the fleet. */
  readonly slot: number;
  /** How many instances this place has had. */
  readonly generation: number;
  readonly instanceId?: string;
  readonly state: 'starting' | 'idle' | 'busy' | 'draining' | 'ending';
  /** Milliseconds since the epoch. */
  readonly since: number;
  /** Jobs that it has finished, as it last said. */
  readonly done?: number;
  /** Memory, as it last said. */
  readonly residentBytes?: number;
}

export interface FleetSample {
  /** Milliseconds since the epoch. */
  readonly at: number;
  /** Jobs that wait; null when the queue did not tell. */
  readonly waiting: number | null;
  /** Jobs in the hands of workers. */
  readonly inFlight: number | null;
  /** Age of the oldest that waits. */
  readonly oldestAgeSeconds: number | null;
  /** Jobs that were given up. */
  readonly deadLetters: number | null;
  /** How many instances there should be. */
  readonly desired: number;
  readonly instances: {
    /** launched, not ready. */
    readonly starting: number;
    /** ready. */
    readonly idle: number;
    /** at work. */
    readonly busy: number;
    /** told to finish. */
    readonly draining: number;
    /** to be gone soon. */
    readonly ending: number;
  };
  /** Finished by all workers, over the last four seconds; null without a controller. */
  readonly jobsPerSecond: number | null;
  /** By this web process, over the last three seconds. */
  readonly answersPerSecond: number;
  /** From submission to answer, by this web process, over the last ten seconds. */
  readonly latencyMs: {
    readonly p50: number;
    readonly p95: number;
  } | null;
}

export interface Galleries {
  readonly galleries: readonly Gallery[];
}

export interface Gallery {
  readonly name: string;
  /** As results name it. */
  readonly id: string;
  readonly isDefault: boolean;
  /** Milliseconds since the epoch; null for the default one. */
  readonly createdAt: number | null;
}

export interface JobPage {
  readonly jobs: readonly JobSummary[];
  /** Absent on the last page. */
  readonly nextCursor?: string;
}

export type JobResult = DoneResult | FailedResult;

export interface JobSummary {
  readonly jobId: string;
  readonly status: 'pending' | 'done' | 'failed' | 'cancelled';
  readonly kind: 'recognise' | 'detect' | 'compare' | 'enrol' | 'reembed';
  /** As the client sent it. */
  readonly fileName: string;
  /** Milliseconds since the epoch. */
  readonly submittedAt: number;
  /** Milliseconds since the epoch. */
  readonly finishedAt?: number;
  readonly traceId: string;
  /** Which gallery; absent for the default one. */
  readonly galleryId?: string;
  /** How many were found. */
  readonly faces?: number;
  readonly error?: {
    readonly code:
      | 'bad-image'
      | 'bad-request'
      | 'too-large'
      | 'poison'
      | 'erased'
      | 'cancelled'
      | 'dead-letter'
      | 'internal';
    readonly message: string;
  };
}

export interface MovedFace {
  readonly galleryVersion: number;
}

export interface NamedPerson {
  readonly id: string;
  readonly name: string;
}

export interface NewApiKey {
  /** The twelve characters behind `ff_` of the key itself. */
  readonly id: string;
  readonly name: string;
  /** What the key may do; `admin` holds the others too. */
  readonly scopes: readonly ('recognise' | 'enrol' | 'admin')[];
  /** The only one within reach; null for all. */
  readonly gallery: string | null;
  /** Null: without limit. */
  readonly requestsPerMinute: number | null;
  /** Milliseconds since the epoch. */
  readonly createdAt: number;
  readonly expiresAt: number | null;
  readonly state: 'good' | 'revoked' | 'expired';
  /** Shown this once, and kept nowhere. */
  readonly key: string;
}

export interface PendingJob {
  readonly jobId: string;
  /** Milliseconds since the epoch. */
  readonly submittedAt?: number;
  readonly status: 'pending';
}

export interface PeoplePage {
  readonly people: readonly Person[];
  /** Absent on the last page. */
  readonly nextCursor?: string;
  /** People in the gallery, found or not. */
  readonly total: number;
  readonly galleryVersion: number;
}

export interface Person {
  readonly id: string;
  readonly name: string;
  readonly externalId: string | null;
  /** How many faces are enrolled. */
  readonly faces: number;
  /** Where a picture of them is; null without faces. */
  readonly thumbnail: string | null;
}

/** Pixels of the upright picture, from its upper left corner. */
export interface Point {
  readonly x: number;
  readonly y: number;
}

export interface Problem {
  readonly type: 'about:blank';
  /** The status in words. */
  readonly title: string;
  readonly status: number;
  /** What is wrong, and what was expected. */
  readonly detail: string;
  readonly jobId?: string;
  /** Each value of the request that was wrong. */
  readonly errors?: readonly {
    readonly in: 'path' | 'query' | 'body';
    /** `name`, or `faces/0/name` further down. */
    readonly field: string;
    /** As JSON, cut off after 80 characters. */
    readonly value?: string;
    readonly expected: string;
  }[];
}

export interface RemovedGallery {
  readonly name: string;
  readonly people: number;
  readonly jobs: number;
}

export interface ScalingDecision {
  /** Milliseconds since the epoch. */
  readonly at: number;
  /** How many instances there should be. */
  readonly desired: number;
  readonly reason: string;
  /** `launch 1`, `drain 3` …. */
  readonly actions: readonly string[];
}

/** Milliseconds by stage. */
export interface Timings {
  /** From submission to the start of work. */
  readonly queueMs: number;
  readonly fetchMs?: number;
  readonly decodeMs?: number;
  readonly detectMs?: number;
  readonly embedMs?: number;
  readonly matchMs?: number;
}

export interface Version {
  readonly name: 'facefleet';
  readonly version: string;
  readonly node: string;
  readonly dialect: string;
  readonly pack: string;
}

export interface Workload {
  /** `none`: there was none since this process started. */
  readonly state: 'none' | 'running' | 'finished' | 'stopped';
  /** How many pictures it is to send. */
  readonly requests: number;
  readonly ratePerSecond: number;
  /** Requests that are over, well or not. */
  readonly answered: number;
  readonly failed: number;
  /** Milliseconds since the epoch. */
  readonly startedAt?: number;
  /** Milliseconds since the epoch. */
  readonly endedAt?: number;
  /** Answers per second over the whole run. */
  readonly perSecond?: number;
  readonly latencyMs?: {
    readonly p50: number;
    readonly p99: number;
    readonly max: number;
  };
  /** By reason. */
  readonly failures?: Readonly<Record<string, number>>;
}

export interface WorkloadOrder {
  /** How many pictures (200). */
  readonly requests?: number | undefined;
  /** How fast (20). */
  readonly ratePerSecond?: number | undefined;
}

/** What each operation takes and gives. */
export interface Operations {
  /** A page with a form for one picture. */
  readonly getHome: {
    readonly params: Readonly<Record<string, never>>;
    readonly query: Readonly<Record<string, never>>;
    readonly json: undefined;
    readonly answer: undefined;
  };
  /** Name the largest face of a picture, in one line of text. */
  readonly nameLargestFace: {
    readonly params: Readonly<Record<string, never>>;
    readonly query: Readonly<Record<string, never>>;
    readonly json: undefined;
    readonly answer: undefined;
  };
  /** Say who is in a picture. */
  readonly recognise: {
    readonly params: Readonly<Record<string, never>>;
    readonly query: {
      /** Candidates for each face (3). */
      readonly topK?: number | undefined;
      /** How often a stranger may get a name, of however many (the service’s own). */
      readonly falsePositiveRate?: number | undefined;
      /** How often a single comparison with a stranger may pass. */
      readonly falseMatchRate?: number | undefined;
      /** The similarity to reach, whatever rate that is. */
      readonly threshold?: number | undefined;
      /** Several faces may be one person. */
      readonly allowRepeats?: boolean | undefined;
      /** 422 when there is no face, instead of an empty list. */
      readonly requireFace?: boolean | undefined;
    };
    readonly json: undefined;
    readonly answer: DoneResult | PendingJob;
  };
  /** Find the faces in a picture, and look for nobody. */
  readonly detect: {
    readonly params: Readonly<Record<string, never>>;
    readonly query: {
      /** 422 when there is no face, instead of an empty list. */
      readonly requireFace?: boolean | undefined;
    };
    readonly json: undefined;
    readonly answer: DoneResult | PendingJob;
  };
  /** Compare two pictures: each face of one with each of the other. */
  readonly compare: {
    readonly params: Readonly<Record<string, never>>;
    readonly query: {
      /** How often a single comparison with a stranger may pass. */
      readonly falseMatchRate?: number | undefined;
      /** The similarity to reach, whatever rate that is. */
      readonly threshold?: number | undefined;
      /** 422 when there is no face, instead of an empty list. */
      readonly requireFace?: boolean | undefined;
    };
    readonly json: undefined;
    readonly answer: DoneResult | PendingJob;
  };
  /** All jobs, newest first. */
  readonly listJobs: {
    readonly params: Readonly<Record<string, never>>;
    readonly query: {
      readonly limit?: number | undefined;
      /** `nextCursor` of the page before. */
      readonly cursor?: string | undefined;
      readonly status?: 'pending' | 'done' | 'failed' | 'cancelled' | undefined;
    };
    readonly json: undefined;
    readonly answer: JobPage;
  };
  /** What became of a job. */
  readonly getJob: {
    readonly params: {
      readonly jobId: string;
    };
    readonly query: Readonly<Record<string, never>>;
    readonly json: undefined;
    readonly answer: JobResult | PendingJob;
  };
  /** Cancel a job that is not finished. */
  readonly cancelJob: {
    readonly params: {
      readonly jobId: string;
    };
    readonly query: Readonly<Record<string, never>>;
    readonly json: undefined;
    readonly answer: FailedResult;
  };
  /** What becomes of a job, as server-sent events. */
  readonly followJob: {
    readonly params: {
      readonly jobId: string;
    };
    readonly query: Readonly<Record<string, never>>;
    readonly json: undefined;
    readonly answer: undefined;
  };
  /** Say who is in many pictures, given as a ZIP archive or line by line. */
  readonly createBatch: {
    readonly params: Readonly<Record<string, never>>;
    readonly query: {
      readonly topK?: number | undefined;
    };
    readonly json: undefined;
    readonly answer: Batch;
  };
  /** How far a batch is. */
  readonly getBatch: {
    readonly params: {
      readonly batchId: string;
    };
    readonly query: Readonly<Record<string, never>>;
    readonly json: undefined;
    readonly answer: Batch;
  };
  /** The results of a batch, one a line, in the order of its pictures. */
  readonly getBatchResults: {
    readonly params: {
      readonly batchId: string;
    };
    readonly query: {
      /** Index of the first picture to tell of. */
      readonly offset?: number | undefined;
      readonly follow?: boolean | undefined;
    };
    readonly json: undefined;
    readonly answer: undefined;
  };
  /** Cancel what is not finished of a batch. */
  readonly cancelBatch: {
    readonly params: {
      readonly batchId: string;
    };
    readonly query: Readonly<Record<string, never>>;
    readonly json: undefined;
    readonly answer: Batch;
  };
  /** Say who is in many pictures, given as a ZIP archive or line by line. */
  readonly createBatchInGallery: {
    readonly params: {
      /** Name of the gallery. */
      readonly gallery?: string | undefined;
    };
    readonly query: {
      readonly topK?: number | undefined;
    };
    readonly json: undefined;
    readonly answer: Batch;
  };
  /** Jobs that were given up, and why. */
  readonly listDeadLetters: {
    readonly params: Readonly<Record<string, never>>;
    readonly query: Readonly<Record<string, never>>;
    readonly json: undefined;
    readonly answer: {
      readonly jobs: readonly DeadJob[];
      /** Letters that somebody else is looking at right now. */
      readonly hidden: number;
    };
  };
  /** Send jobs to the workers again. */
  readonly redriveDeadLetters: {
    readonly params: Readonly<Record<string, never>>;
    readonly query: Readonly<Record<string, never>>;
    readonly json: {
      /** `all`, or the ids of jobs. */
      readonly jobIds: 'all' | readonly string[];
    };
    readonly answer: DeadLetterReport;
  };
  /** Forget dead letters; the error results of their jobs stay. */
  readonly dropDeadLetters: {
    readonly params: Readonly<Record<string, never>>;
    readonly query: Readonly<Record<string, never>>;
    readonly json: {
      /** `all`, or the ids of jobs. */
      readonly jobIds: 'all' | readonly string[];
    };
    readonly answer: DeadLetterReport;
  };
  /** What waits, who works, and the last scaling decisions with their reasons. */
  readonly getFleet: {
    readonly params: Readonly<Record<string, never>>;
    readonly query: Readonly<Record<string, never>>;
    readonly json: undefined;
    readonly answer: {
      readonly fleet: Fleet;
      readonly sample: FleetSample;
    };
  };
  /** The same as it changes, as server-sent events. */
  readonly watchFleet: {
    readonly params: Readonly<Record<string, never>>;
    readonly query: Readonly<Record<string, never>>;
    readonly json: undefined;
    readonly answer: undefined;
  };
  /** How the workload generator is doing. */
  readonly getWorkload: {
    readonly params: Readonly<Record<string, never>>;
    readonly query: Readonly<Record<string, never>>;
    readonly json: undefined;
    readonly answer: {
      /** False where other machines can reach this service. */
      readonly isAllowed: boolean;
      readonly workload: Workload;
    };
  };
  /** Send sample pictures to this service, to see it grow and shrink. */
  readonly startWorkload: {
    readonly params: Readonly<Record<string, never>>;
    readonly query: Readonly<Record<string, never>>;
    readonly json: WorkloadOrder;
    readonly answer: Workload;
  };
  /** Stop sending pictures. */
  readonly stopWorkload: {
    readonly params: Readonly<Record<string, never>>;
    readonly query: Readonly<Record<string, never>>;
    readonly json: undefined;
    readonly answer: undefined;
  };
  /** All galleries. */
  readonly listGalleries: {
    readonly params: Readonly<Record<string, never>>;
    readonly query: Readonly<Record<string, never>>;
    readonly json: undefined;
    readonly answer: Galleries;
  };
  /** Create a gallery. */
  readonly createGallery: {
    readonly params: Readonly<Record<string, never>>;
    readonly query: Readonly<Record<string, never>>;
    readonly json: {
      /** 1 to 64 of a-z, 0-9 and -. */
      readonly name: string;
    };
    readonly answer: Gallery;
  };
  /** Remove a gallery for good. */
  readonly removeGallery: {
    readonly params: {
      readonly gallery: string;
    };
    readonly query: Readonly<Record<string, never>>;
    readonly json: undefined;
    readonly answer: RemovedGallery;
  };
  /** People by name, page by page. */
  readonly listPeople: {
    readonly params: Readonly<Record<string, never>>;
    readonly query: {
      /** People on a page. */
      readonly limit?: number | undefined;
      /** `nextCursor` of the page before. */
      readonly cursor?: string | undefined;
      /** Words that must all be in the name, in any order, or a whole id or external id. */
      readonly search?: string | undefined;
    };
    readonly json: undefined;
    readonly answer: PeoplePage;
  };
  /** Create a person. */
  readonly createPerson: {
    readonly params: Readonly<Record<string, never>>;
    readonly query: Readonly<Record<string, never>>;
    readonly json: {
      /** Kept without spaces around it; nobody else in the gallery has it. */
      readonly name: string;
      /** A UUID of your own, in lower case. */
      readonly id?: string | undefined;
      /** What the caller calls it; unique among the people of a gallery. */
      readonly externalId?: string | undefined;
      /** A finished recognition. */
      readonly jobId?: string | undefined;
      /** Which of its faces, counted from 0. */
      readonly face?: number | undefined;
      /** Although the face resembles another person. */
      readonly force?: boolean | undefined;
    };
    readonly answer: CreatedPerson;
  };
  /** One person. */
  readonly getPerson: {
    readonly params: {
      readonly personId: string;
    };
    readonly query: Readonly<Record<string, never>>;
    readonly json: undefined;
    readonly answer: Person;
  };
  /** Give a person another name or external id. */
  readonly changePerson: {
    readonly params: {
      readonly personId: string;
    };
    readonly query: Readonly<Record<string, never>>;
    readonly json: {
      /** Kept without spaces around it; nobody else in the gallery has it. */
      readonly name?: string | undefined;
      /** Null takes it away. */
      readonly externalId?: string | null | undefined;
    };
    readonly answer: Person;
  };
  /** Say that two people are one. */
  readonly mergePerson: {
    readonly params: {
      readonly personId: string;
    };
    readonly query: Readonly<Record<string, never>>;
    readonly json: {
      /** Id of the person who stays. */
      readonly into: string;
    };
    readonly answer: Person;
  };
  /** Add faces of a person, from one or several pictures. */
  readonly addFaces: {
    readonly params: {
      readonly personId: string;
    };
    readonly query: {
      /** Although a face resembles another person. */
      readonly force?: boolean | undefined;
    };
    readonly json: {
      /** A finished recognition. */
      readonly jobId: string;
      /** Which of its faces, counted from 0. */
      readonly face: number;
    };
    readonly answer: EnrolledPictures;
  };
  /** The faces of a person. */
  readonly listFaces: {
    readonly params: {
      readonly personId: string;
    };
    readonly query: {
      /** Faces on a page. */
      readonly limit?: number | undefined;
      /** `nextCursor` of the page before. */
      readonly cursor?: string | undefined;
      /** With those that were taken for this person and are not. */
      readonly counterexamples?: boolean | undefined;
    };
    readonly json: undefined;
    readonly answer: FacesPage;
  };
  /** A face, aligned, as a JPEG of 160 pixels. */
  readonly getThumbnail: {
    readonly params: {
      readonly personId: string;
      readonly faceId: string;
    };
    readonly query: Readonly<Record<string, never>>;
    readonly json: undefined;
    readonly answer: undefined;
  };
  /** Say that a face is somebody else’s, or nobody’s. */
  readonly moveFace: {
    readonly params: {
      readonly personId: string;
      readonly faceId: string;
    };
    readonly query: Readonly<Record<string, never>>;
    readonly json: {
      /** Id of the person whose face it is; null for nobody of this gallery. */
      readonly to: string | null;
    };
    readonly answer: MovedFace;
  };
  /** Erase a person for good. */
  readonly erasePerson: {
    readonly params: {
      readonly personId: string;
    };
    readonly query: Readonly<Record<string, never>>;
    readonly json: undefined;
    readonly answer: ErasureReceipt;
  };
  /** Erase a face for good. */
  readonly eraseFace: {
    readonly params: {
      readonly personId: string;
      readonly faceId: string;
    };
    readonly query: Readonly<Record<string, never>>;
    readonly json: undefined;
    readonly answer: ErasureReceipt;
  };
  /** People by name, page by page. */
  readonly listPeopleInGallery: {
    readonly params: {
      /** Name of the gallery. */
      readonly gallery?: string | undefined;
    };
    readonly query: {
      /** People on a page. */
      readonly limit?: number | undefined;
      /** `nextCursor` of the page before. */
      readonly cursor?: string | undefined;
      /** Words that must all be in the name, in any order, or a whole id or external id. */
      readonly search?: string | undefined;
    };
    readonly json: undefined;
    readonly answer: PeoplePage;
  };
  /** Create a person. */
  readonly createPersonInGallery: {
    readonly params: {
      /** Name of the gallery. */
      readonly gallery?: string | undefined;
    };
    readonly query: Readonly<Record<string, never>>;
    readonly json: {
      /** Kept without spaces around it; nobody else in the gallery has it. */
      readonly name: string;
      /** A UUID of your own, in lower case. */
      readonly id?: string | undefined;
      /** What the caller calls it; unique among the people of a gallery. */
      readonly externalId?: string | undefined;
      /** A finished recognition. */
      readonly jobId?: string | undefined;
      /** Which of its faces, counted from 0. */
      readonly face?: number | undefined;
      /** Although the face resembles another person. */
      readonly force?: boolean | undefined;
    };
    readonly answer: CreatedPerson;
  };
  /** One person. */
  readonly getPersonInGallery: {
    readonly params: {
      /** Name of the gallery. */
      readonly gallery?: string | undefined;
      readonly personId: string;
    };
    readonly query: Readonly<Record<string, never>>;
    readonly json: undefined;
    readonly answer: Person;
  };
  /** Give a person another name or external id. */
  readonly changePersonInGallery: {
    readonly params: {
      /** Name of the gallery. */
      readonly gallery?: string | undefined;
      readonly personId: string;
    };
    readonly query: Readonly<Record<string, never>>;
    readonly json: {
      /** Kept without spaces around it; nobody else in the gallery has it. */
      readonly name?: string | undefined;
      /** Null takes it away. */
      readonly externalId?: string | null | undefined;
    };
    readonly answer: Person;
  };
  /** Say that two people are one. */
  readonly mergePersonInGallery: {
    readonly params: {
      /** Name of the gallery. */
      readonly gallery?: string | undefined;
      readonly personId: string;
    };
    readonly query: Readonly<Record<string, never>>;
    readonly json: {
      /** Id of the person who stays. */
      readonly into: string;
    };
    readonly answer: Person;
  };
  /** Add faces of a person, from one or several pictures. */
  readonly addFacesInGallery: {
    readonly params: {
      /** Name of the gallery. */
      readonly gallery?: string | undefined;
      readonly personId: string;
    };
    readonly query: {
      /** Although a face resembles another person. */
      readonly force?: boolean | undefined;
    };
    readonly json: {
      /** A finished recognition. */
      readonly jobId: string;
      /** Which of its faces, counted from 0. */
      readonly face: number;
    };
    readonly answer: EnrolledPictures;
  };
  /** The faces of a person. */
  readonly listFacesInGallery: {
    readonly params: {
      /** Name of the gallery. */
      readonly gallery?: string | undefined;
      readonly personId: string;
    };
    readonly query: {
      /** Faces on a page. */
      readonly limit?: number | undefined;
      /** `nextCursor` of the page before. */
      readonly cursor?: string | undefined;
      /** With those that were taken for this person and are not. */
      readonly counterexamples?: boolean | undefined;
    };
    readonly json: undefined;
    readonly answer: FacesPage;
  };
  /** A face, aligned, as a JPEG of 160 pixels. */
  readonly getThumbnailInGallery: {
    readonly params: {
      /** Name of the gallery. */
      readonly gallery?: string | undefined;
      readonly personId: string;
      readonly faceId: string;
    };
    readonly query: Readonly<Record<string, never>>;
    readonly json: undefined;
    readonly answer: undefined;
  };
  /** Say that a face is somebody else’s, or nobody’s. */
  readonly moveFaceInGallery: {
    readonly params: {
      /** Name of the gallery. */
      readonly gallery?: string | undefined;
      readonly personId: string;
      readonly faceId: string;
    };
    readonly query: Readonly<Record<string, never>>;
    readonly json: {
      /** Id of the person whose face it is; null for nobody of this gallery. */
      readonly to: string | null;
    };
    readonly answer: MovedFace;
  };
  /** Erase a person for good. */
  readonly erasePersonInGallery: {
    readonly params: {
      /** Name of the gallery. */
      readonly gallery?: string | undefined;
      readonly personId: string;
    };
    readonly query: Readonly<Record<string, never>>;
    readonly json: undefined;
    readonly answer: ErasureReceipt;
  };
  /** Erase a face for good. */
  readonly eraseFaceInGallery: {
    readonly params: {
      /** Name of the gallery. */
      readonly gallery?: string | undefined;
      readonly personId: string;
      readonly faceId: string;
    };
    readonly query: Readonly<Record<string, never>>;
    readonly json: undefined;
    readonly answer: ErasureReceipt;
  };
  /** Say who is in a picture. */
  readonly recogniseInGallery: {
    readonly params: {
      /** Name of the gallery. */
      readonly gallery?: string | undefined;
    };
    readonly query: {
      /** Candidates for each face (3). */
      readonly topK?: number | undefined;
      /** How often a stranger may get a name, of however many (the service’s own). */
      readonly falsePositiveRate?: number | undefined;
      /** How often a single comparison with a stranger may pass. */
      readonly falseMatchRate?: number | undefined;
      /** The similarity to reach, whatever rate that is. */
      readonly threshold?: number | undefined;
      /** Several faces may be one person. */
      readonly allowRepeats?: boolean | undefined;
      /** 422 when there is no face, instead of an empty list. */
      readonly requireFace?: boolean | undefined;
    };
    readonly json: undefined;
    readonly answer: DoneResult | PendingJob;
  };
  /** The jobs of a gallery, newest first. */
  readonly listJobsInGallery: {
    readonly params: {
      /** Name of the gallery. */
      readonly gallery?: string | undefined;
    };
    readonly query: {
      readonly limit?: number | undefined;
      /** `nextCursor` of the page before. */
      readonly cursor?: string | undefined;
      readonly status?: 'pending' | 'done' | 'failed' | 'cancelled' | undefined;
    };
    readonly json: undefined;
    readonly answer: JobPage;
  };
  /** Make an API key. */
  readonly createKey: {
    readonly params: Readonly<Record<string, never>>;
    readonly query: Readonly<Record<string, never>>;
    readonly json: ApiKeyOrder;
    readonly answer: NewApiKey;
  };
  /** All API keys, without the keys themselves. */
  readonly listKeys: {
    readonly params: Readonly<Record<string, never>>;
    readonly query: Readonly<Record<string, never>>;
    readonly json: undefined;
    readonly answer: {
      readonly keys: readonly ApiKey[];
    };
  };
  /** End an API key for good. */
  readonly revokeKey: {
    readonly params: {
      readonly keyId: string;
    };
    readonly query: Readonly<Record<string, never>>;
    readonly json: undefined;
    readonly answer: ApiKey;
  };
  /** What the key that is shown may do. */
  readonly getAccess: {
    readonly params: Readonly<Record<string, never>>;
    readonly query: Readonly<Record<string, never>>;
    readonly json: undefined;
    readonly answer: Access;
  };
  /** Whether the process lives. */
  readonly getHealth: {
    readonly params: Readonly<Record<string, never>>;
    readonly query: Readonly<Record<string, never>>;
    readonly json: undefined;
    readonly answer: {
      readonly status: 'ok';
    };
  };
  /** Whether queue and buckets answer. */
  readonly getReadiness: {
    readonly params: Readonly<Record<string, never>>;
    readonly query: Readonly<Record<string, never>>;
    readonly json: undefined;
    readonly answer:
      | {
          readonly status: 'ready';
          readonly checks: {
            readonly queue: Check;
            readonly input: Check;
            readonly output: Check;
            readonly state: Check;
          };
        }
      | {
          readonly status: 'not ready';
          readonly checks: {
            readonly queue: Check;
            readonly input: Check;
            readonly output: Check;
            readonly state: Check;
          };
        };
  };
  /** What runs here. */
  readonly getVersion: {
    readonly params: Readonly<Record<string, never>>;
    readonly query: Readonly<Record<string, never>>;
    readonly json: undefined;
    readonly answer: Version;
  };
  /** What this process measures of itself, for Prometheus. */
  readonly getMetrics: {
    readonly params: Readonly<Record<string, never>>;
    readonly query: Readonly<Record<string, never>>;
    readonly json: undefined;
    readonly answer: undefined;
  };
  /** This interface as an OpenAPI 3.1 document. */
  readonly getOpenApi: {
    readonly params: Readonly<Record<string, never>>;
    readonly query: Readonly<Record<string, never>>;
    readonly json: undefined;
    readonly answer: {
      readonly openapi: '3.1.0';
    };
  };
  /** This interface as a page to read. */
  readonly getDocs: {
    readonly params: Readonly<Record<string, never>>;
    readonly query: Readonly<Record<string, never>>;
    readonly json: undefined;
    readonly answer: undefined;
  };
}

/** Where each operation is; `takesKey`: an `Idempotency-Key` makes repeating it safe. */
export const OPERATIONS = {
  getHome: { method: 'GET', path: '/', takesKey: false },
  nameLargestFace: { method: 'POST', path: '/', takesKey: true },
  recognise: { method: 'POST', path: '/v1/recognitions', takesKey: true },
  detect: { method: 'POST', path: '/v1/detections', takesKey: true },
  compare: { method: 'POST', path: '/v1/comparisons', takesKey: true },
  listJobs: { method: 'GET', path: '/v1/jobs', takesKey: false },
  getJob: { method: 'GET', path: '/v1/jobs/{jobId}', takesKey: false },
  cancelJob: { method: 'POST', path: '/v1/jobs/{jobId}/cancel', takesKey: false },
  followJob: { method: 'GET', path: '/v1/jobs/{jobId}/events', takesKey: false },
  createBatch: { method: 'POST', path: '/v1/batches', takesKey: true },
  getBatch: { method: 'GET', path: '/v1/batches/{batchId}', takesKey: false },
  getBatchResults: { method: 'GET', path: '/v1/batches/{batchId}/results', takesKey: false },
  cancelBatch: { method: 'POST', path: '/v1/batches/{batchId}/cancel', takesKey: false },
  createBatchInGallery: { method: 'POST', path: '/v1/galleries/{gallery}/batches', takesKey: true },
  listDeadLetters: { method: 'GET', path: '/v1/dead-letters', takesKey: false },
  redriveDeadLetters: { method: 'POST', path: '/v1/dead-letters/redrive', takesKey: false },
  dropDeadLetters: { method: 'POST', path: '/v1/dead-letters/drop', takesKey: false },
  getFleet: { method: 'GET', path: '/v1/fleet', takesKey: false },
  watchFleet: { method: 'GET', path: '/v1/fleet/events', takesKey: false },
  getWorkload: { method: 'GET', path: '/v1/workload', takesKey: false },
  startWorkload: { method: 'POST', path: '/v1/workload', takesKey: false },
  stopWorkload: { method: 'DELETE', path: '/v1/workload', takesKey: false },
  listGalleries: { method: 'GET', path: '/v1/galleries', takesKey: false },
  createGallery: { method: 'POST', path: '/v1/galleries', takesKey: false },
  removeGallery: { method: 'DELETE', path: '/v1/galleries/{gallery}', takesKey: false },
  listPeople: { method: 'GET', path: '/v1/people', takesKey: false },
  createPerson: { method: 'POST', path: '/v1/people', takesKey: true },
  getPerson: { method: 'GET', path: '/v1/people/{personId}', takesKey: false },
  changePerson: { method: 'PATCH', path: '/v1/people/{personId}', takesKey: false },
  mergePerson: { method: 'POST', path: '/v1/people/{personId}/merge', takesKey: false },
  addFaces: { method: 'POST', path: '/v1/people/{personId}/faces', takesKey: true },
  listFaces: { method: 'GET', path: '/v1/people/{personId}/faces', takesKey: false },
  getThumbnail: { method: 'GET', path: '/v1/people/{personId}/faces/{faceId}/thumbnail', takesKey: false },
  moveFace: { method: 'POST', path: '/v1/people/{personId}/faces/{faceId}/move', takesKey: false },
  erasePerson: { method: 'DELETE', path: '/v1/people/{personId}', takesKey: false },
  eraseFace: { method: 'DELETE', path: '/v1/people/{personId}/faces/{faceId}', takesKey: false },
  listPeopleInGallery: { method: 'GET', path: '/v1/galleries/{gallery}/people', takesKey: false },
  createPersonInGallery: { method: 'POST', path: '/v1/galleries/{gallery}/people', takesKey: true },
  getPersonInGallery: { method: 'GET', path: '/v1/galleries/{gallery}/people/{personId}', takesKey: false },
  changePersonInGallery: {
    method: 'PATCH',
    path: '/v1/galleries/{gallery}/people/{personId}',
    takesKey: false,
  },
  mergePersonInGallery: {
    method: 'POST',
    path: '/v1/galleries/{gallery}/people/{personId}/merge',
    takesKey: false,
  },
  addFacesInGallery: {
    method: 'POST',
    path: '/v1/galleries/{gallery}/people/{personId}/faces',
    takesKey: true,
  },
  listFacesInGallery: {
    method: 'GET',
    path: '/v1/galleries/{gallery}/people/{personId}/faces',
    takesKey: false,
  },
  getThumbnailInGallery: {
    method: 'GET',
    path: '/v1/galleries/{gallery}/people/{personId}/faces/{faceId}/thumbnail',
    takesKey: false,
  },
  moveFaceInGallery: {
    method: 'POST',
    path: '/v1/galleries/{gallery}/people/{personId}/faces/{faceId}/move',
    takesKey: false,
  },
  erasePersonInGallery: {
    method: 'DELETE',
    path: '/v1/galleries/{gallery}/people/{personId}',
    takesKey: false,
  },
  eraseFaceInGallery: {
    method: 'DELETE',
    path: '/v1/galleries/{gallery}/people/{personId}/faces/{faceId}',
    takesKey: false,
  },
  recogniseInGallery: { method: 'POST', path: '/v1/galleries/{gallery}/recognitions', takesKey: true },
  listJobsInGallery: { method: 'GET', path: '/v1/galleries/{gallery}/jobs', takesKey: false },
  createKey: { method: 'POST', path: '/v1/keys', takesKey: false },
  listKeys: { method: 'GET', path: '/v1/keys', takesKey: false },
  revokeKey: { method: 'DELETE', path: '/v1/keys/{keyId}', takesKey: false },
  getAccess: { method: 'GET', path: '/v1/access', takesKey: false },
  getHealth: { method: 'GET', path: '/healthz', takesKey: false },
  getReadiness: { method: 'GET', path: '/readyz', takesKey: false },
  getVersion: { method: 'GET', path: '/version', takesKey: false },
  getMetrics: { method: 'GET', path: '/metrics', takesKey: false },
  getOpenApi: { method: 'GET', path: '/openapi.json', takesKey: false },
  getDocs: { method: 'GET', path: '/docs', takesKey: false },
} as const;
