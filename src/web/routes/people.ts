import { Type } from 'typebox';

import { isPersonId } from '../../gallery/names.ts';
import type { ListedPerson, PeoplePosition } from '../../gallery/people-index.ts';
import type { WebContext } from '../context.ts';
import { answered, type WebGallery } from '../galleries.ts';
import { type Route, route } from '../http/contract.ts';
import { HttpProblem } from '../problem.ts';
import {
  EnrolledPictureSchema,
  ExternalIdSchema,
  FaceOfJob,
  NameSchema,
  OwnIdSchema,
  PersonSchema,
} from '../schemas/people.ts';
import { IDEMPOTENCY_HEADER } from '../schemas/requests.ts';
import { factsOf, idempotencyOf } from '../submission.ts';
import { enrolRecognisedFace, recognisedFace } from './face-enrolment.ts';
import type { GalleryPlace } from './gallery-place.ts';

const DEFAULT_LIMIT = 50;
const MAX_LIMIT = 500;
/** Base64url of where the page before ended. */
const Cursor = Type.String({
  pattern: '^[A-Za-z0-9_-]+$',
  description: '`nextCursor` of the page before',
});

/** People of a gallery: list, create, look at, change, merge. */
export function peopleRoutes(context: WebContext, place: GalleryPlace): Route[] {
  return [
    listRoute(context, place),
    createRoute(context, place),
    getRoute(context, place),
    changeRoute(context, place),
    mergeRoute(context, place),
  ];
}

function listRoute({ galleries }: WebContext, place: GalleryPlace): Route {
  return route(
    {
      method: 'get',
      path: place.path('/people'),
      id: place.id('listPeople'),
      tag: 'People',
      scope: 'recognise',
      summary: 'People by name, page by page',
      params: place.params({}),
      query: Type.Object(
        {
          limit: Type.Integer({
            minimum: 1,
            maximum: MAX_LIMIT,
            default: DEFAULT_LIMIT,
            description: 'People on a page',
          }),
          cursor: Type.Optional(Cursor),
          search: Type.Optional(
            Type.String({
              maxLength: 200,
              description: 'Words that must all be in the name, in any order, or a whole id or external id',
            }),
          ),
        },
        { additionalProperties: false },
      ),
      answers: {
        200: {
          description: 'A page',
          schema: Type.Object(
            {
              people: Type.Array(PersonSchema),
              nextCursor: Type.Optional(Type.String({ description: 'Absent on the last page' })),
              total: Type.Integer({ description: 'People in the gallery, found or not' }),
              galleryVersion: Type.Integer(),
            },
            { title: 'PeoplePage' },
          ),
        },
      },
      problems: [404],
    },
    async ({ params, query: { limit, cursor, search } }) => {
      const found = await galleries.find(params.gallery);
      await found.gallery.refresh();
      const { people, next } = found.people.page({
        limit,
        ...(cursor === undefined ? {} : { after: positionOf(cursor) }),
        ...(search === undefined ? {} : { search }),
      });
      return {
        status: 200,
        body: {
          people: people.map((one) => personBody(found, one)),
          ...(next !== undefined && { nextCursor: cursorOf(next) }),
          total: found.people.size,
          galleryVersion: found.gallery.version,
        },
      };
    },
  );
}

function createRoute(context: WebContext, place: GalleryPlace): Route {
  return route(
    {
      method: 'post',
      path: place.path('/people'),
      id: place.id('createPerson'),
      tag: 'People',
      scope: 'enrol',
      summary: 'Create a person',
      description:
        'With `jobId` and `face` they get that face of a picture that was recognised before: naming an unknown one takes one step.',
      params: place.params({}),
      headers: IDEMPOTENCY_HEADER,
      body: {
        json: Type.Object(
          {
            name: NameSchema,
            id: Type.Optional(OwnIdSchema),
            externalId: Type.Optional(ExternalIdSchema),
            jobId: Type.Optional(FaceOfJob.jobId),
            face: Type.Optional(FaceOfJob.face),
            force: Type.Optional(Type.Boolean({ description: 'Although the face resembles another person' })),
          },
          {
            additionalProperties: false,
            dependentRequired: { jobId: ['face'], face: ['jobId'] },
          },
        ),
      },
      answers: {
        201: {
          description: 'They are in the gallery',
          schema: Type.Object(
            { person: PersonSchema, picture: Type.Optional(EnrolledPictureSchema) },
            { title: 'CreatedPerson' },
          ),
          headers: { Location: 'Where they are' },
        },
      },
      problems: [404, 409, 410, 413, 415, 422, 429],
    },
    async ({ params, body, request, response }) => {
      const found = await context.galleries.find(params.gallery);
      const { name, id, externalId, jobId, face, force = false } = body;
      // A key that is none is refused also where no picture comes with it.
      idempotencyOf(request, factsOf(response));
      if ((jobId === undefined) !== (face === undefined)) {
        throw new HttpProblem(400, 'jobId and face come together: which face of which picture');
      }
      // First: who names a face that isn't there gets no person without one.
      const shown =
        jobId === undefined || face === undefined
          ? undefined
          : await recognisedFace(context, response, { jobId, face });
      const { personId } = await answered(
        found.gallery.addPerson({
          name,
          ...(id === undefined ? {} : { personId: id }),
          ...(externalId === undefined ? {} : { externalId }),
        }),
      );
      await found.announce();
      const headers = { Location: `${found.address}/people/${personId}` };
      if (shown === undefined) {
        return { status: 201, headers, body: { person: await personNow(found, personId) } };
      }
      const target = { found, personId, force, request, response };
      const picture = await enrolRecognisedFace(context, target, shown);
      return { status: 201, headers, body: { person: await personNow(found, personId), picture } };
    },
  );
}

function getRoute({ galleries }: WebContext, place: GalleryPlace): Route {
  return route(
    {
      method: 'get',
      path: place.path('/people/{personId}'),
      id: place.id('getPerson'),
      tag: 'People',
      scope: 'recognise',
      summary: 'One person',
      description: 'Whoever was merged into somebody is found under their old id too.',
      params: place.params({ personId: Type.String() }),
      answers: { 200: { description: 'Them', schema: PersonSchema } },
      problems: [404, 410],
    },
    async ({ params }) => {
      const found = await galleries.find(params.gallery);
      return { status: 200, body: await personNow(found, params.personId) };
    },
  );
}

function changeRoute({ galleries }: WebContext, place: GalleryPlace): Route {
  return route(
    {
      method: 'patch',
      path: place.path('/people/{personId}'),
      id: place.id('changePerson'),
      tag: 'People',
      scope: 'enrol',
      summary: 'Give a person another name or external id',
      params: place.params({ personId: Type.String() }),
      body: {
        json: Type.Object(
          {
            name: Type.Optional(NameSchema),
            externalId: Type.Optional(
              Type.Union([ExternalIdSchema, Type.Null()], { description: 'Null takes it away' }),
            ),
          },
          { additionalProperties: false, minProperties: 1 },
        ),
      },
      answers: { 200: { description: 'Them, as they are now', schema: PersonSchema } },
      problems: [404, 409, 410, 413, 415],
    },
    async ({ params, body }) => {
      const found = await galleries.find(params.gallery);
      await answered(found.gallery.change(personIdOf(params.personId), body));
      await found.announce();
      return { status: 200, body: await personNow(found, params.personId) };
    },
  );
}

function mergeRoute({ galleries }: WebContext, place: GalleryPlace): Route {
  return route(
    {
      method: 'post',
      path: place.path('/people/{personId}/merge'),
      id: place.id('mergePerson'),
      tag: 'People',
      scope: 'enrol',
      summary: 'Say that two people are one',
      description:
        'All faces go to the other person, whose name stays. From then on this id stands for the other person too.',
      params: place.params({ personId: Type.String() }),
      body: {
        json: Type.Object(
          { into: Type.String({ description: 'Id of the person who stays' }) },
          { additionalProperties: false },
        ),
      },
      answers: { 200: { description: 'The person who stays', schema: PersonSchema } },
      problems: [404, 410, 413, 415],
    },
    async ({ params, body: { into } }) => {
      const found = await galleries.find(params.gallery);
      await answered(found.gallery.merge({ from: personIdOf(params.personId), into: personIdOf(into) }));
      await found.announce();
      return { status: 200, body: await personNow(found, into) };
    },
  );
}

/** A name is no address: it changes, and somebody else may get it. @throws HttpProblem 404 */
export function personIdOf(text: string): string {
  if (isPersonId(text)) return text;
  throw new HttpProblem(404, 'there is no such person');
}

/** As of now. @throws HttpProblem 404, 410 */
export async function personNow(
  found: WebGallery,
  reference: string,
): Promise<ReturnType<typeof personBody>> {
  const person = await answered(found.gallery.find(personIdOf(reference)));
  const listed = person && found.people.find(person.personId);
  if (listed === undefined) throw new HttpProblem(404, 'there is no such person');
  return personBody(found, listed);
}

export function thumbnailAddress({ address }: WebGallery, personId: string, faceId: string): string {
  return `${address}/people/${personId}/faces/${faceId}/thumbnail`;
}

function personBody(found: WebGallery, { personId, name, externalId, faces, firstFaceId }: ListedPerson) {
  return {
    id: personId,
    name,
    externalId: externalId ?? null,
    faces,
    thumbnail: firstFaceId === undefined ? null : thumbnailAddress(found, personId, firstFaceId),
  };
}

function cursorOf({ sortKey, personId }: PeoplePosition): string {
  return Buffer.from(JSON.stringify([sortKey, personId])).toString('base64url');
}

function positionOf(cursor: string): PeoplePosition {
  try {
    const [sortKey, personId] = JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8')) as unknown[];
    if (typeof sortKey === 'string' && typeof personId === 'string') return { sortKey, personId };
  } catch {
    // Then it is none of ours.
  }
  throw new HttpProblem(400, 'query cursor is none that a page before gave as `nextCursor`', {
    faults: [{ in: 'query', field: 'cursor', expected: '`nextCursor` of the page before' }],
  });
}
