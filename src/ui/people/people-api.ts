import { ApiError, call } from '../api.ts';

export interface PersonSummary {
  readonly personId: string;
  readonly name: string;
  readonly faces: number;
}

export interface PeoplePage {
  readonly people: readonly PersonSummary[];
  readonly nextCursor?: string;
}

export async function searchPeople(
  { search, limit, cursor }: { search?: string; limit?: number; cursor?: string },
  signal: AbortSignal,
): Promise<PeoplePage> {
  const query = new URLSearchParams();
  if (search) query.set('search', search);
  if (limit) query.set('limit', String(limit));
  if (cursor) query.set('cursor', cursor);
  return call<PeoplePage>(`/v1/people?${query}`, { signal });
}

export interface IntroducedFace {
  readonly personId: string;
  readonly name: string;
  readonly faceId: string | undefined;
}

export async function introduceFace(_: {
  jobId: string;
  face: number;
  name: string;
}): Promise<IntroducedFace> {
  throw new ApiError('not yet', 501);
}

export async function withdrawFace(personId: string, faceId: string): Promise<void> {
  await call(`/v1/people/${personId}/faces/${faceId}`, { method: 'DELETE' });
}
