import { Type } from 'typebox';

const ScopeSchema = Type.Union([Type.Literal('recognise'), Type.Literal('enrol'), Type.Literal('admin')]);

export const ScopesSchema = Type.Array(ScopeSchema, {
  minItems: 1,
  uniqueItems: true,
  description: 'What the key may do; `admin` holds the others too',
});
