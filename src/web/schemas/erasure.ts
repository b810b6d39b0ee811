import { Type } from 'typebox';

const Time = Type.String({ description: 'ISO 8601' });

export const ReceiptSchema = Type.Object(
  {
    version: Type.Literal(1),
    personId: Type.String(),
    gallery: Type.String(),
    faces: Type.Integer(),
    jobs: Type.Integer({
      description: 'Jobs whose result or picture was erased, or that no longer name the person',
    }),
    galleryVersion: Type.Integer({ description: 'The first one without them' }),
    requestedAt: Time,
    completedAt: Time,
    counts: Type.Object({
      pictures: Type.Integer(),
      results: Type.Integer(),
      crops: Type.Integer(),
      segments: Type.Integer({ description: 'Parts of the gallery that were written anew without them' }),
      entries: Type.Integer({ description: 'Changes of the gallery that were emptied' }),
      others: Type.Integer(),
    }),
    objects: Type.Array(
      Type.Object({
        bucket: Type.String(),
        key: Type.String({ description: 'Or `sha256:` and its hash, where a key may hold a name' }),
        action: Type.Enum(['deleted', 'overwritten']),
        kind: Type.Enum(['pictures', 'results', 'crops', 'segments', 'entries', 'others']),
        sha256: Type.String({ description: 'Of the bytes that were there' }),
        sizeBytes: Type.Integer(),
      }),
      { description: 'Every object that was deleted, or written anew without them' },
    ),
  },
  { title: 'ErasureReceipt', description: 'What was erased, without a name or a byte of it' },
);
