import { Type } from 'typebox';

import {
  type ErasureReceipt,
  eraseFaceWithReceipt,
  erasePersonWithReceipt,
} from '../../gallery/erasure-receipt.ts';
import type { WebContext } from '../context.ts';
import { answered, type WebGallery } from '../galleries.ts';
import { type Route, route } from '../http/contract.ts';
import { HttpProblem } from '../problem.ts';
import { ReceiptSchema } from '../schemas/erasure.ts';
import type { GalleryPlace } from './gallery-place.ts';
import { personIdOf } from './people.ts';

/** Erasing people and faces, for good, with a receipt. */
export function erasureRoutes(context: WebContext, place: GalleryPlace): Route[] {
  return [personRoute(context, place), faceRoute(context, place)];
}

function personRoute(context: WebContext, place: GalleryPlace): Route {
  return route(
    {
      method: 'delete',
      path: place.path('/people/{personId}'),
      id: place.id('erasePerson'),
      tag: 'People',
      scope: 'enrol',
      summary: 'Erase a person for good',
      description:
        'With every picture, thumbnail, template, result and queued job of theirs. From the first moment on they are nobody to anyone; the answer comes when every byte is gone, which takes a while when many pictures are kept. If the connection breaks it goes on. Repeating it erases what may be left.',
      params: place.params({ personId: Type.String() }),
      answers: { 200: { description: 'They are gone', schema: ReceiptSchema } },
      problems: [404, 409],
    },
    async ({ params }) => {
      const found = await context.galleries.find(params.gallery);
      const { buckets, clock } = context;
      const options = { buckets, clock, gallery: found.galleryId };
      const receipt = await answered(erasePersonWithReceipt(options, personIdOf(params.personId)));
      return { status: 200, body: await finished(found, receipt) };
    },
  );
}

function faceRoute(context: WebContext, place: GalleryPlace): Route {
  return route(
    {
      method: 'delete',
      path: place.path('/people/{personId}/faces/{faceId}'),
      id: place.id('eraseFace'),
      tag: 'Faces',
      scope: 'enrol',
      summary: 'Erase a face for good',
      description: 'With its template, its thumbnail and the picture that it was enrolled from.',
      params: place.params({ personId: Type.String(), faceId: Type.String() }),
      answers: { 200: { description: 'It is gone', schema: ReceiptSchema } },
      problems: [404],
    },
    async ({ params: { gallery, personId, faceId } }) => {
      const found = await context.galleries.find(gallery);
      const people = (await found.gallery.peopleOf(faceId)) ?? [];
      if (!people.includes(personId)) throw new HttpProblem(404, 'this person has no such face');
      const { buckets, clock } = context;
      const options = { buckets, clock, gallery: found.galleryId };
      const receipt = await answered(eraseFaceWithReceipt(options, faceId));
      return { status: 200, body: await finished(found, receipt) };
    },
  );
}

async function finished(found: WebGallery, receipt: ErasureReceipt) {
  await found.gallery.refresh();
  await found.announce();
  return { ...receipt, gallery: found.name };
}
