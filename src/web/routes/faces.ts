import { Type } from 'typebox';

import type { FaceDetails } from '../../gallery/types.ts';
import type { WebContext } from '../context.ts';
import { answered, type WebGallery } from '../galleries.ts';
import { type Route, route } from '../http/contract.ts';
import { HttpProblem } from '../problem.ts';
import { EnrolledPictureSchema, FaceOfJob, FaceOfPersonSchema } from '../schemas/people.ts';
import { IDEMPOTENCY_HEADER, PICTURES_UPLOAD, PREFER_HEADER } from '../schemas/requests.ts';
import { factsOf } from '../submission.ts';
import { enrolPictures, enrolRecognisedFace, recognisedFace } from './face-enrolment.ts';
import type { GalleryPlace } from './gallery-place.ts';
import { personIdOf, thumbnailAddress } from './people.ts';

const MAX_LIMIT = 500;
/** Crops of a face never change under its id; a browser asks again soon enough after an erasure. */
const THUMBNAIL_SECONDS = 60;

const FaceParams = { personId: Type.String(), faceId: Type.String() };

/** Faces of a person: add, list, look at, move. */
export function faceRoutes(context: WebContext, place: GalleryPlace): Route[] {
  return [
    addRoute(context, place),
    listRoute(context, place),
    thumbnailRoute(context, place),
    moveRoute(context, place),
  ];
}

const PicturesReport = Type.Object(
  { pictures: Type.Array(EnrolledPictureSchema), galleryVersion: Type.Integer() },
  { title: 'EnrolledPictures' },
);

function addRoute(context: WebContext, place: GalleryPlace): Route {
  return route(
    {
      method: 'post',
      path: place.path('/people/{personId}/faces'),
      id: place.id('addFaces'),
      tag: 'Faces',
      scope: 'enrol',
      summary: 'Add faces of a person, from one or several pictures',
      description:
        'Each picture gets a verdict of its own, whatever becomes of the others. In a form, a text field `externalId` is the caller’s own id of the face in the file that follows it. As JSON: a face of a picture that was recognised before.',
      params: place.params({ personId: Type.String() }),
      query: Type.Object(
        {
          force: Type.Optional(Type.Boolean({ description: 'Although a face resembles another person' })),
        },
        { additionalProperties: false },
      ),
      headers: { ...PREFER_HEADER, ...IDEMPOTENCY_HEADER },
      body: {
        json: Type.Object(FaceOfJob, { additionalProperties: false }),
        upload: PICTURES_UPLOAD,
      },
      answers: {
        200: { description: 'Every picture has its verdict', schema: PicturesReport },
        202: { description: 'Some are not finished: their jobs will tell', schema: PicturesReport },
      },
      problems: [404, 408, 409, 410, 413, 415, 422, 429],
    },
    async ({ params, query: { force = false }, body, request, response }) => {
      using _ticket = await context.admission.admit(factsOf(response).caller);
      const found = await context.galleries.find(params.gallery);
      const person = await answered(found.gallery.find(personIdOf(params.personId)));
      if (person === undefined) throw new HttpProblem(404, 'there is no such person');
      const target = { found, personId: person.personId, force, request, response };
      const pictures =
        body === undefined
          ? await enrolPictures(context, target)
          : [await enrolRecognisedFace(context, target, await recognisedFace(context, response, body))];
      const isFinished = pictures.every(({ verdict }) => verdict !== 'pending');
      return { status: isFinished ? 200 : 202, body: { pictures, galleryVersion: found.gallery.version } };
    },
  );
}

function listRoute({ galleries }: WebContext, place: GalleryPlace): Route {
  return route(
    {
      method: 'get',
      path: place.path('/people/{personId}/faces'),
      id: place.id('listFaces'),
      tag: 'Faces',
      scope: 'recognise',
      summary: 'The faces of a person',
      params: place.params({ personId: Type.String() }),
      query: Type.Object(
        {
          limit: Type.Integer({
            minimum: 1,
            maximum: MAX_LIMIT,
            default: 100,
            description: 'Faces on a page',
          }),
          cursor: Type.Optional(Type.String({ description: '`nextCursor` of the page before' })),
          counterexamples: Type.Boolean({
            default: false,
            description: 'With those that were taken for this person and are not',
          }),
        },
        { additionalProperties: false },
      ),
      answers: {
        200: {
          description: 'A page, oldest first',
          schema: Type.Object(
            {
              faces: Type.Array(FaceOfPersonSchema),
              nextCursor: Type.Optional(Type.String({ description: 'Absent on the last page' })),
              galleryVersion: Type.Integer(),
            },
            { title: 'FacesPage' },
          ),
        },
      },
      problems: [404, 410],
    },
    async ({ params, query: { limit, cursor, counterexamples: wantsAll } }) => {
      const found = await galleries.find(params.gallery);
      const { personId, faces, counterexamples } = await answered(
        found.gallery.person(personIdOf(params.personId)),
      );
      const all = [
        ...faces.map((face) => faceBody(found, personId, face, 'example')),
        ...(wantsAll ? counterexamples : []).map((face) => faceBody(found, personId, face, 'counterexample')),
      ];
      // The page goes on after the face that the cursor names; when that one is gone, from the start.
      const start = cursor === undefined ? 0 : all.findIndex(({ id }) => id === cursor) + 1;
      const page = all.slice(start, start + limit);
      const next = start + limit < all.length ? page.at(-1)?.id : undefined;
      const more = next === undefined ? {} : { nextCursor: next };
      return { status: 200, body: { faces: page, ...more, galleryVersion: found.gallery.version } };
    },
  );
}

function thumbnailRoute({ galleries }: WebContext, place: GalleryPlace): Route {
  return route(
    {
      method: 'get',
      path: place.path('/people/{personId}/faces/{faceId}/thumbnail'),
      id: place.id('getThumbnail'),
      tag: 'Faces',
      scope: 'recognise',
      summary: 'A face, aligned, as a JPEG of 160 pixels',
      params: place.params(FaceParams),
      answers: {
        200: {
          description: 'The picture',
          content: { 'image/jpeg': Type.String({ format: 'binary' }) },
          headers: { 'Cache-Control': 'A minute, for this client alone' },
        },
      },
      problems: [404],
    },
    async ({ params: { gallery, personId, faceId } }) => {
      const found = await galleries.find(gallery);
      const people = (await found.gallery.peopleOf(faceId)) ?? [];
      const crop = people.includes(personId) ? await found.gallery.crop(faceId) : undefined;
      if (crop === undefined) throw new HttpProblem(404, 'this person has no such face');
      const headers = { 'Cache-Control': `private, max-age=${THUMBNAIL_SECONDS}` };
      return { status: 200, headers, body: crop, contentType: 'image/jpeg' };
    },
  );
}

function moveRoute({ galleries }: WebContext, place: GalleryPlace): Route {
  return route(
    {
      method: 'post',
      path: place.path('/people/{personId}/faces/{faceId}/move'),
      id: place.id('moveFace'),
      tag: 'Faces',
      scope: 'enrol',
      summary: 'Say that a face is somebody else’s, or nobody’s',
      description:
        'The face becomes a counterexample of this person: it can never match them again, and who looks more like it than like them does not get their name. Moving it back takes that back.',
      params: place.params(FaceParams),
      body: {
        json: Type.Object(
          {
            to: Type.Union([Type.String(), Type.Null()], {
              description: 'Id of the person whose face it is; null for nobody of this gallery',
            }),
          },
          { additionalProperties: false },
        ),
      },
      answers: {
        200: {
          description: 'It is done',
          schema: Type.Object({ galleryVersion: Type.Integer() }, { title: 'MovedFace' }),
        },
      },
      problems: [404, 410, 413, 415],
    },
    async ({ params: { gallery, personId, faceId }, body: { to } }) => {
      const found = await galleries.find(gallery);
      const move = { faceId, from: personIdOf(personId), to: to === null ? null : personIdOf(to) };
      await answered(found.gallery.moveFace(move));
      await found.announce();
      return { status: 200, body: { galleryVersion: found.gallery.version } };
    },
  );
}

function faceBody(
  found: WebGallery,
  personId: string,
  { faceId, sizePx, addedAt, source, externalId }: FaceDetails,
  role: 'example' | 'counterexample',
) {
  return {
    id: faceId,
    externalId: externalId ?? null,
    role,
    sizePx,
    addedAt,
    source: source ?? null,
    thumbnail: thumbnailAddress(found, personId, faceId),
  };
}
