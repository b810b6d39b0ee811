import { Type } from 'typebox';

import { accessOf } from '../access.ts';
import { type Route, route } from '../http/contract.ts';
import { ScopesSchema } from '../schemas/access.ts';

/** `/v1/access`: what whoever asks may do, so that a page offers nothing that would be refused. */
export function accessRoutes(): Route[] {
  return [
    route(
      {
        method: 'get',
        path: '/v1/access',
        id: 'getAccess',
        tag: 'Keys',
        scope: 'any',
        summary: 'What the key that is shown may do',
        description: 'Where no key is needed and none is shown: everything.',
        answers: {
          200: {
            description: 'Scopes and reach',
            schema: Type.Object(
              {
                scopes: ScopesSchema,
                gallery: Type.Union([Type.String(), Type.Null()], {
                  description: 'The only one within reach; null for all',
                }),
              },
              { title: 'Access' },
            ),
          },
        },
      },
      ({ response }) => {
        const { scopes, gallery } = accessOf(response);
        return { status: 200, body: { scopes: [...scopes], gallery } };
      },
    ),
  ];
}
