import { type TProperties, Type } from 'typebox';

import { CandidateSchema } from './job.ts';

export const GALLERY_NAME = '^[a-z0-9][a-z0-9-]{0,63}$';
const LONGEST_NAME = 200;
const UUID = '^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$';

/** No control characters, and something that is no space. */
export const PRINTABLE =
  '^[^\\u0000-\\u001f\\u007f-\\u009f]*[^\\u0000-\\u0020\\u007f-\\u00a0\\s][^\\u0000-\\u001f\\u007f-\\u009f]*$';

export const NameSchema = Type.String({
  minLength: 1,
  maxLength: LONGEST_NAME,
  pattern: PRINTABLE,
  description: 'Kept without spaces around it; nobody else in the gallery has it',
});

export const ExternalIdSchema = Type.String({
  minLength: 1,
  maxLength: 200,
  description: 'What the caller calls it; unique among the people of a gallery',
});

/** An id that a caller chooses. */
export const OwnIdSchema = Type.String({ pattern: UUID, description: 'A UUID of your own, in lower case' });

export const PersonSchema = Type.Object(
  {
    id: Type.String(),
    name: Type.String(),
    externalId: Type.Union([Type.String(), Type.Null()]),
    faces: Type.Integer({ description: 'How many faces are enrolled' }),
    thumbnail: Type.Union([Type.String(), Type.Null()], {
      description: 'Where a picture of them is; null without faces',
    }),
  },
  { title: 'Person' },
);

export const FaceOfPersonSchema = Type.Object(
  {
    id: Type.String(),
    externalId: Type.Union([Type.String(), Type.Null()]),
    role: Type.Enum(['example', 'counterexample'], {
      description:
        'A counterexample was taken for this person and is not: who looks more like it than like them does not get their name',
    }),
    sizePx: Type.Number({ description: 'Width of the face box in pixels of the picture' }),
    addedAt: Type.Integer({ description: 'Milliseconds since the epoch' }),
    source: Type.Union([Type.String(), Type.Null()], { description: 'The picture’s file name' }),
    thumbnail: Type.String({ description: 'The aligned face, a JPEG of 160 pixels' }),
  },
  { title: 'EnrolledFace' },
);

export const EnrolledPictureSchema = Type.Object(
  {
    fileName: Type.String(),
    externalId: Type.Union([Type.String(), Type.Null()]),
    jobId: Type.Union([Type.String(), Type.Null()], { description: 'Null for one that was refused at once' }),
    verdict: Type.Enum(
      [
        'enrolled',
        'duplicate',
        'no-face',
        'several-faces',
        'too-small',
        'looks-like-another',
        'bad-image',
        'failed',
        'pending',
      ],
      {
        description:
          '`duplicate`: this picture was enrolled for them before; `pending`: not finished yet, `/v1/jobs/{jobId}` will tell; `failed`: nothing was found out about it',
      },
    ),
    message: Type.String(),
    faceId: Type.Union([Type.String(), Type.Null()]),
    resembles: Type.Optional(CandidateSchema),
  },
  { title: 'EnrolledPicture' },
);

/** A face of a picture that was recognised before. */
export const FaceOfJob = {
  jobId: Type.String({ description: 'A finished recognition' }),
  face: Type.Integer({ minimum: 0, description: 'Which of its faces, counted from 0' }),
} satisfies TProperties;
