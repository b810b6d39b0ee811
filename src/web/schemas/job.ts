import { Type } from 'typebox';

const Figure = (description: string) => Type.Number({ description });
const Nullable = (description: string) => Type.Union([Type.Number(), Type.Null()], { description });

export const PointSchema = Type.Object(
  { x: Type.Number(), y: Type.Number() },
  { title: 'Point', description: 'Pixels of the upright picture, from its upper left corner' },
);

export const BoxSchema = Type.Object(
  { x: Type.Number(), y: Type.Number(), width: Type.Number(), height: Type.Number() },
  { title: 'Box', description: 'Pixels of the upright picture, from its upper left corner' },
);

export const QualitySchema = Type.Object(
  {
    overall: Figure('0 to 1; under 0.3 expect `unknown`, under 0.5 better enrol another picture'),
    sizePx: Figure('Width of the face box in pixels of the picture'),
    embeddingNorm: Figure('Norm of the embedding before it was normalised; 0 when nothing was embedded'),
    yawDegrees: Figure('0 looks into the camera, positive turns to the right of the picture'),
    rollDegrees: Figure('0 is upright'),
    sharpness: Figure('Variance of the Laplacian; below some 30 it is blurred'),
  },
  { title: 'FaceQuality' },
);

export const NamedPersonSchema = Type.Object(
  { id: Type.String(), name: Type.String() },
  { title: 'NamedPerson' },
);

export const CandidateSchema = Type.Object(
  {
    personId: Type.String(),
    name: Type.String(),
    similarity: Figure('Cosine to the best face of this person'),
    falseMatchRate: Type.Optional(Figure('How often two strangers reach that at these face sizes')),
  },
  { title: 'Candidate' },
);

export const FaceSchema = Type.Object(
  {
    box: BoxSchema,
    landmarks: Type.Array(PointSchema, {
      description: 'Left eye, right eye, nose, left and right mouth corner, as seen in the picture',
    }),
    detectionScore: Figure('0 to 1'),
    quality: QualitySchema,
    person: Type.Union([NamedPersonSchema, Type.Null()], { description: 'Who it is; null is `unknown`' }),
    similarity: Nullable('Cosine to the best person, also below the threshold; null in an empty gallery'),
    margin: Nullable(
      'What they have over the second-best person, each above their threshold; null with fewer than two people, negative when a better one was given to another face',
    ),
    threshold: Nullable('What the similarity had to reach at these face sizes and this gallery size'),
    falseMatchRate: Type.Optional(
      Nullable('How often two strangers reach this similarity at these face sizes; null in an empty gallery'),
    ),
    unknownReason: Type.Optional(
      Type.Union([Type.Enum(['empty-gallery', 'too-dissimilar', 'given-to-another-face']), Type.Null()], {
        description: 'Why it is nobody',
      }),
    ),
    candidates: Type.Array(CandidateSchema, { description: 'Best first' }),
  },
  { title: 'Face' },
);

const Milliseconds = Type.Optional(Type.Number());

export const TimingsSchema = Type.Object(
  {
    queueMs: Figure('From submission to the start of work'),
    fetchMs: Milliseconds,
    decodeMs: Milliseconds,
    detectMs: Milliseconds,
    embedMs: Milliseconds,
    matchMs: Milliseconds,
  },
  { title: 'Timings', description: 'Milliseconds by stage' },
);

export const EnrolmentSchema = Type.Object(
  {
    verdict: Type.Enum([
      'enrolled',
      'duplicate',
      'no-face',
      'several-faces',
      'too-small',
      'looks-like-another',
      'bad-image',
    ]),
    person: Type.String({ description: 'As the job named them' }),
    personId: Type.Optional(Type.String()),
    faceId: Type.Optional(Type.String()),
    message: Type.String(),
    resembles: Type.Optional(CandidateSchema),
  },
  { title: 'Enrolment', description: 'What became of a picture that was to be enrolled' },
);

const KindSchema = Type.Enum(['recognise', 'detect', 'compare', 'enrol', 'reembed']);

const PictureSchema = Type.Object({ width: Type.Number(), height: Type.Number(), format: Type.String() });

export const ComparisonSchema = Type.Object(
  {
    picture: PictureSchema,
    faces: Type.Array(FaceSchema, { description: 'Of the second picture, largest first' }),
    facesCut: Type.Integer(),
    pairs: Type.Array(
      Type.Object({
        first: Type.Integer({ description: 'Index into the faces of the first picture' }),
        second: Type.Integer({ description: 'Index into the faces of the second picture' }),
        isSamePerson: Type.Boolean(),
        similarity: Figure('Cosine'),
        threshold: Figure('What it had to reach at these face sizes'),
        falseMatchRate: Figure('How often two strangers reach this similarity at these face sizes'),
      }),
      { description: 'Each face of the first picture with each of the second, most similar first' },
    ),
  },
  { title: 'Comparison' },
);

const resultBase = {
  version: Type.Integer(),
  jobId: Type.String(),
  fileName: Type.String({ description: 'As the client sent it' }),
  kind: KindSchema,
  submittedAt: Type.Integer({ description: 'Milliseconds since the epoch' }),
  finishedAt: Type.Integer({ description: 'Milliseconds since the epoch' }),
  traceId: Type.String(),
  instanceId: Type.String({ description: 'The worker that did it' }),
  galleryId: Type.Optional(Type.String({ description: 'Which gallery; absent for the default one' })),
};

export const DoneResultSchema = Type.Object(
  {
    ...resultBase,
    status: Type.Literal('done'),
    picture: PictureSchema,
    faces: Type.Array(FaceSchema, { description: 'Largest first' }),
    facesCut: Type.Integer({ description: 'How many more faces were found and left out' }),
    packId: Type.String({ description: 'The model pack that this rests on' }),
    galleryVersion: Type.Integer({ description: 'The gallery as of this change' }),
    timings: TimingsSchema,
    comparison: Type.Optional(ComparisonSchema),
    enrolment: Type.Optional(EnrolmentSchema),
  },
  { title: 'DoneResult' },
);

const ErrorSchema = Type.Object({
  code: Type.Enum([
    'bad-image',
    'bad-request',
    'too-large',
    'poison',
    'erased',
    'cancelled',
    'dead-letter',
    'internal',
  ]),
  message: Type.String(),
});

export const FailedResultSchema = Type.Object(
  {
    ...resultBase,
    status: Type.Literal('failed'),
    error: ErrorSchema,
  },
  { title: 'FailedResult' },
);

export const ResultSchema = Type.Union([DoneResultSchema, FailedResultSchema], { title: 'JobResult' });

/** An accepted job that is not finished. */
export const PendingSchema = Type.Object(
  {
    jobId: Type.String({ format: 'uuid' }),
    submittedAt: Type.Optional(Type.Integer({ description: 'Milliseconds since the epoch' })),
    status: Type.Literal('pending'),
  },
  { title: 'PendingJob' },
);

/** A job in a listing. */
export const JobSummarySchema = Type.Object(
  {
    jobId: Type.String({ format: 'uuid' }),
    status: Type.Enum(['pending', 'done', 'failed', 'cancelled']),
    kind: KindSchema,
    fileName: Type.String({ description: 'As the client sent it' }),
    submittedAt: Type.Integer({ description: 'Milliseconds since the epoch' }),
    finishedAt: Type.Optional(Type.Integer({ description: 'Milliseconds since the epoch' })),
    traceId: Type.String(),
    galleryId: Type.Optional(Type.String({ description: 'Which gallery; absent for the default one' })),
    faces: Type.Optional(Type.Integer({ description: 'How many were found' })),
    error: Type.Optional(ErrorSchema),
  },
  { title: 'JobSummary' },
);
