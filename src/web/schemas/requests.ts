import { type TSchema, Type } from 'typebox';

import { PICTURE_FIELD } from '../body-reader.ts';

const Binary = Type.String({ format: 'binary' });

/** A form with one picture. */
export const PICTURE_FORM = {
  'multipart/form-data': Type.Object({ [PICTURE_FIELD]: Binary }),
} satisfies Record<string, TSchema>;

/** A form with one or several pictures, or the bare bytes of one. */
export const PICTURES_UPLOAD = {
  'multipart/form-data': Type.Object({
    [PICTURE_FIELD]: Type.Array(Binary, { minItems: 1, maxItems: 100 }),
    externalId: Type.Optional(Type.Array(Type.String())),
  }),
  'image/*': Binary,
  'application/octet-stream': Binary,
} satisfies Record<string, TSchema>;

/** A form with two pictures. */
export const TWO_PICTURES_FORM = {
  'multipart/form-data': Type.Object({ [PICTURE_FIELD]: Type.Array(Binary, { minItems: 2, maxItems: 2 }) }),
} satisfies Record<string, TSchema>;

/** A form with one picture, or its bare bytes. */
export const PICTURE_UPLOAD = {
  ...PICTURE_FORM,
  'image/*': Binary,
  'application/octet-stream': Binary,
} satisfies Record<string, TSchema>;

export const IDEMPOTENCY_HEADER = {
  'Idempotency-Key': {
    description: 'Makes repeating the request safe: for 24 hours it is answered by the first one’s job',
    schema: Type.String({
      minLength: 1,
      maxLength: 255,
      pattern: '^[!-~](?:[ -~]*[!-~])?$',
    }),
  },
} as const;

export const PREFER_HEADER = {
  Prefer: {
    description: '`respond-async`: 202 at once; `wait=10`: wait so many seconds, 55 at most, before 202',
    schema: Type.String(),
  },
} as const;

export const WEBHOOK_HEADERS = {
  'Webhook-Url': {
    description: 'Called with the result when the job is finished: https, to a public address',
    schema: Type.String({ maxLength: 2048, pattern: '^https?://[!-~]+$' }),
  },
  'Webhook-Secret': {
    description: 'What calls are signed with, 16 to 256 printable characters; needed with `Webhook-Url`',
    schema: Type.String({ minLength: 16, maxLength: 256, pattern: '^[!-~]+$' }),
  },
} as const;

/** Headers of an answer that stands for a job. */
export const JOB_HEADERS = { 'X-Job-Id': 'The job' } as const;
export const PENDING_HEADERS = {
  ...JOB_HEADERS,
  Location: 'Where its result will be',
  'Retry-After': 'Seconds',
} as const;

/** Server-sent events: the schema is that of each event. */
export const EVENT_STREAM = {
  'text/event-stream': Type.Object({
    id: Type.Optional(Type.String()),
    event: Type.String(),
    data: Type.String({ description: 'JSON' }),
  }),
} satisfies Record<string, TSchema>;
