import { inGallery } from '../access.ts';
import { ApiError, type CallOptions, call } from '../api.ts';

export interface Person {
  readonly id: string;
  readonly name: string;
  readonly faces: number;
  /** Address of a picture of them; null without faces. */
  readonly thumbnail: string | null;
}

export interface PeoplePage {
  readonly people: readonly Person[];
  /** Absent on the last page. */
  readonly nextCursor?: string;
  /** In the gallery, found or not. */
  readonly total: number;
}

export interface EnrolledFace {
  readonly id: string;
  readonly role: 'example' | 'counterexample';
  readonly sizePx: number;
  readonly addedAt: number;
  readonly source: string | null;
  readonly thumbnail: string;
}

interface FacesPage {
  readonly faces: readonly EnrolledFace[];
  readonly nextCursor?: string;
}

/** What became of a picture that was to be enrolled. */
export interface EnrolledPicture {
  readonly verdict:
    | 'enrolled'
    | 'duplicate'
    | 'no-face'
    | 'several-faces'
    | 'too-small'
    | 'looks-like-another'
    | 'bad-image'
    | 'failed'
    | 'pending';
  readonly message: string;
  readonly faceId: string | null;
  readonly resembles?: { readonly personId: string; readonly name: string; readonly similarity: number };
}

/** A face of a picture that was recognised before. */
export interface FaceOfJob {
  readonly jobId: string;
  readonly face: number;
}

export interface Introduction {
  readonly person: Person;
  readonly picture: EnrolledPicture;
}

export function listPeople(
  query: { search?: string; limit?: number; cursor?: string },
  signal: AbortSignal,
): Promise<PeoplePage> {
  const given = Object.entries(query).filter(([, value]) => value !== '' && value !== undefined);
  const words = new URLSearchParams(given.map(([name, value]) => [name, String(value)]));
  return call<PeoplePage>(inGallery(`/people?${words}`), { signal });
}

export function getPerson(id: string, signal: AbortSignal): Promise<Person> {
  return call<Person>(inGallery(`/people/${id}`), { signal });
}

export async function createPerson(name: string): Promise<Person> {
  return (await call<{ person: Person }>(inGallery('/people'), { method: 'POST', json: { name } })).person;
}

export async function personNamed(name: string): Promise<Person | undefined> {
  const { people } = await listPeople({ search: name, limit: 100 }, AbortSignal.timeout(10_000));
  return people.find((person) => person.name.toLowerCase() === name.toLowerCase());
}

/** Whoever has the name, made if nobody has. */
export async function personCalled(name: string): Promise<Person> {
  try {
    return await createPerson(name);
  } catch (error) {
    if (!isTaken(error)) throw error;
    return (await personNamed(name)) ?? fail(error);
  }
}

/** Gives a face of a recognised picture to whoever has the name: somebody known, or somebody new. */
export async function introduceFace(name: string, { jobId, face }: FaceOfJob): Promise<Introduction> {
  try {
    return await call<Introduction>(inGallery('/people'), { method: 'POST', json: { name, jobId, face } });
  } catch (error) {
    if (!isTaken(error)) throw error;
    const person = (await personNamed(name)) ?? fail(error);
    return { person, picture: await addFaceOfJob(person.id, { jobId, face }) };
  }
}

/** `force`: although it resembles somebody else. */
export function addFaceOfJob(personId: string, face: FaceOfJob, force = false): Promise<EnrolledPicture> {
  return addFaces(personId, { json: face }, force);
}

export function addPicture(personId: string, file: File, force = false): Promise<EnrolledPicture> {
  const form = new FormData();
  form.set('inputFile', file, file.name || 'pasted.png');
  return addFaces(personId, { form }, force);
}

async function addFaces(personId: string, what: CallOptions, force: boolean): Promise<EnrolledPicture> {
  const path = inGallery(`/people/${personId}/faces${force ? '?force=true' : ''}`);
  const { pictures } = await call<{ pictures: readonly EnrolledPicture[] }>(path, {
    method: 'POST',
    ...what,
  });
  return pictures[0] ?? fail(new ApiError('The service said nothing about the picture.', 500));
}

/** All of them, counterexamples too. */
export async function listFaces(personId: string, signal: AbortSignal): Promise<readonly EnrolledFace[]> {
  const faces: EnrolledFace[] = [];
  let cursor: string | undefined;
  do {
    const query = new URLSearchParams({ counterexamples: 'true', ...(cursor && { cursor }) });
    const path = inGallery(`/people/${personId}/faces?${query}`);
    const page: FacesPage = await call(path, { signal });
    faces.push(...page.faces);
    cursor = page.nextCursor;
  } while (cursor !== undefined);
  return faces;
}

export function removeFace(personId: string, faceId: string): Promise<void> {
  return call(inGallery(`/people/${personId}/faces/${faceId}`), { method: 'DELETE' });
}

/** They were taken for the first person and are the second's: the first one learns that, too. */
export function moveFace(personId: string, faceId: string, to: string): Promise<void> {
  return call(inGallery(`/people/${personId}/faces/${faceId}/move`), { method: 'POST', json: { to } });
}

export function renamePerson(id: string, name: string): Promise<Person> {
  return call<Person>(inGallery(`/people/${id}`), { method: 'PATCH', json: { name } });
}

export function mergePerson(id: string, into: string): Promise<Person> {
  return call<Person>(inGallery(`/people/${id}/merge`), { method: 'POST', json: { into } });
}

export function erasePerson(id: string): Promise<void> {
  return call(inGallery(`/people/${id}`), { method: 'DELETE' });
}

function isTaken(error: unknown): boolean {
  return error instanceof ApiError && error.status === 409;
}

function fail(error: unknown): never {
  throw error;
}
