import type { Recogniser } from '../recognition/types.ts';
import type { PictureReader } from './isolated-recogniser.ts';

/** Who reads pictures, for any pack: recognisers in this process, and in processes of their own. */
export interface Readers extends AsyncDisposable {
  here(packId: string): Promise<PictureReader>;
  apart(packId: string): PictureReader;
}

export interface ReadersOptions {
  /** The worker's own, for the pack that answers. */
  readonly own: Recogniser;
  /** For another pack, while everybody is embedded anew. */
  readonly open: (packId: string) => Promise<Recogniser>;
  readonly isolated: (packId: string) => PictureReader;
}

/** Keeps one recogniser of another pack open beside the worker's own: re-embedding goes through thousands of faces of one pack. */
export function createReaders({ own, open, isolated }: ReadersOptions): Readers {
  let other: { packId: string; opening: Promise<Recogniser> } | undefined;
  const closeOther = async () => {
    const closing = other;
    other = undefined;
    await (await closing?.opening.catch(() => undefined))?.[Symbol.asyncDispose]();
  };
  return {
    async here(packId) {
      if (packId === own.packId) return own;
      if (other?.packId !== packId) {
        const previous = closeOther();
        other = { packId, opening: previous.then(() => open(packId)) };
      }
      try {
        return await other.opening;
      } catch (error) {
        if (other?.packId === packId) other = undefined;
        throw error;
      }
    },
    apart: isolated,
    [Symbol.asyncDispose]: closeOther,
  };
}
