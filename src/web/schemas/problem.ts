import { Type } from 'typebox';

/** `application/problem+json` (RFC 9457), the body of every error under `/v1`. */
export const ProblemSchema = Type.Object(
  {
    type: Type.Literal('about:blank'),
    title: Type.String({ description: 'The status in words' }),
    status: Type.Integer({ minimum: 400, maximum: 599 }),
    detail: Type.String({ description: 'What is wrong, and what was expected' }),
    jobId: Type.Optional(Type.String({ format: 'uuid' })),
    errors: Type.Optional(
      Type.Array(
        Type.Object({
          in: Type.Union([Type.Literal('path'), Type.Literal('query'), Type.Literal('body')]),
          field: Type.String({ description: '`name`, or `faces/0/name` further down' }),
          value: Type.Optional(Type.String({ description: 'As JSON, cut off after 80 characters' })),
          expected: Type.String(),
        }),
        { description: 'Each value of the request that was wrong' },
      ),
    ),
  },
  { title: 'Problem' },
);
