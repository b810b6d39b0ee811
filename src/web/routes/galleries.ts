import { Type } from 'typebox';

import { removeGallery } from '../../gallery/removal.ts';
import type { WebContext } from '../context.ts';
import { answered } from '../galleries.ts';
import { type Route, route } from '../http/contract.ts';
import { GALLERY_NAME } from '../schemas/people.ts';

const GalleryName = Type.String({
  pattern: GALLERY_NAME,
  description: '1 to 64 of a-z, 0-9 and -',
});

const GallerySchema = Type.Object(
  {
    name: Type.String(),
    id: Type.String({ description: 'As results name it' }),
    isDefault: Type.Boolean(),
    createdAt: Type.Union([Type.Integer(), Type.Null()], {
      description: 'Milliseconds since the epoch; null for the default one',
    }),
  },
  { title: 'Gallery' },
);

/** Galleries side by side: none knows of another's people. */
export function galleryRoutes(context: WebContext): Route[] {
  return [listRoute(context), createRoute(context), removeRoute(context)];
}

function listRoute({ galleries }: WebContext): Route {
  return route(
    {
      method: 'get',
      path: '/v1/galleries',
      id: 'listGalleries',
      tag: 'Galleries',
      scope: 'recognise',
      summary: 'All galleries',
      answers: {
        200: {
          description: 'The default one first, then by name',
          schema: Type.Object({ galleries: Type.Array(GallerySchema) }, { title: 'Galleries' }),
        },
      },
    },
    async () => {
      const all = await galleries.directory.list();
      return { status: 200, body: { galleries: all.map(galleryBody) } };
    },
  );
}

function createRoute({ galleries }: WebContext): Route {
  return route(
    {
      method: 'post',
      path: '/v1/galleries',
      id: 'createGallery',
      tag: 'Galleries',
      scope: 'admin',
      summary: 'Create a gallery',
      body: { json: Type.Object({ name: GalleryName }, { additionalProperties: false }) },
      answers: {
        201: {
          description: 'It is there, and empty',
          schema: GallerySchema,
          headers: { Location: 'Where its people are' },
        },
      },
      problems: [409, 413, 415],
    },
    async ({ body: { name } }) => {
      const entry = await answered(galleries.directory.create(name));
      const headers = { Location: `/v1/galleries/${name}/people` };
      return { status: 201, headers, body: galleryBody(entry) };
    },
  );
}

function removeRoute({ galleries, buckets, clock }: WebContext): Route {
  return route(
    {
      method: 'delete',
      path: '/v1/galleries/{gallery}',
      id: 'removeGallery',
      tag: 'Galleries',
      scope: 'admin',
      summary: 'Remove a gallery for good',
      description:
        'With everybody in it, and every picture and result that was about it. The default one stays.',
      params: Type.Object({ gallery: Type.String() }),
      answers: {
        200: {
          description: 'It is gone',
          schema: Type.Object(
            { name: Type.String(), people: Type.Integer(), jobs: Type.Integer() },
            { title: 'RemovedGallery' },
          ),
        },
      },
      problems: [404, 409],
    },
    async ({ params: { gallery } }) => {
      const entry = await galleries.directory.find(gallery);
      const report = await answered(removeGallery({ buckets, clock }, entry?.name ?? gallery));
      if (entry !== undefined) galleries.forget(entry.galleryId);
      return { status: 200, body: report };
    },
  );
}

function galleryBody(entry: { name: string; galleryId: string; createdAt?: number }) {
  const { name, galleryId: id, createdAt } = entry;
  return { name, id, isDefault: createdAt === undefined, createdAt: createdAt ?? null };
}
