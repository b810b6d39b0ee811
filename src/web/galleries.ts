import { FacefleetError } from '../errors.ts';
import { GalleryDirectory, type GalleryEntry } from '../gallery/directory.ts';
import { Gallery } from '../gallery/gallery.ts';
import { DEFAULT_GALLERY } from '../gallery/keys.ts';
import { PeopleIndex } from '../gallery/people-index.ts';
import type { GalleryId } from '../jobs/job.ts';
import type { Clock } from '../ports/clock.ts';
import type { ObjectStore } from '../ports/object-store.ts';
import { announceGalleryVersion } from '../scaling/controller-client.ts';
import { HttpProblem } from './problem.ts';

/** A gallery as the routes use it: people and faces without their templates. */
export interface WebGallery {
  readonly name: string;
  readonly galleryId: GalleryId;
  readonly gallery: Gallery;
  readonly people: PeopleIndex;
  /** Where its people are: `/v1` or `/v1/galleries/<name>`. */
  readonly address: string;
  /** For tasks: nothing for the default one. */
  readonly task: { readonly gallery?: GalleryId };
  /** Workers hear of what was changed. */
  announce(): Promise<void>;
}

/** The galleries that requests are about, each read once and then kept up to date. */
export class WebGalleries {
  readonly directory: GalleryDirectory;
  readonly #state: ObjectStore;
  readonly #clock: Clock;
  readonly #open = new Map<GalleryId, WebGallery>();

  constructor({ state, clock }: { state: ObjectStore; clock: Clock }) {
    this.#state = state;
    this.#clock = clock;
    this.directory = new GalleryDirectory({ state, clock });
  }

  /** The default one without a name. @throws HttpProblem 404 */
  async find(name: string = DEFAULT_GALLERY): Promise<WebGallery> {
    const entry = await this.directory.find(name);
    if (entry === undefined) throw new HttpProblem(404, 'there is no such gallery');
    const known = this.#open.get(entry.galleryId);
    if (known !== undefined) return known;
    const opened = this.#load(entry);
    this.#open.set(entry.galleryId, opened);
    return opened;
  }

  /** Reads the default gallery before anybody asks for it: with 100,000 people that takes a second, which the first would wait. */
  async preload(): Promise<void> {
    const { gallery } = await this.find();
    await gallery.refresh();
  }

  /** It was removed. */
  forget(galleryId: GalleryId): void {
    this.#open.delete(galleryId);
  }

  #load({ name, galleryId }: GalleryEntry): WebGallery {
    const state = this.#state;
    const people = new PeopleIndex();
    const gallery = new Gallery({ state, clock: this.#clock, name: galleryId, observer: people });
    const isDefault = name === DEFAULT_GALLERY;
    return {
      name,
      galleryId,
      gallery,
      people,
      address: isDefault ? '/v1' : `/v1/galleries/${name}`,
      task: isDefault ? {} : { gallery: galleryId },
      announce: async () => {
        // Of other galleries workers look for news themselves, before each job about one.
        if (isDefault) await announceGalleryVersion(state, gallery.version);
      },
    };
  }
}

/** What a change of the gallery could not be, as the answer to who asked for it. */
export async function answered<T>(change: Promise<T>): Promise<T> {
  try {
    return await change;
  } catch (error) {
    throw (error instanceof FacefleetError && problemFor(error)) || error;
  }
}

function problemFor(cause: FacefleetError): HttpProblem | undefined {
  const detail = cause.message.replace(/ \[.*\]$/s, '');
  switch (cause.code) {
    case 'not-found':
      return new HttpProblem(404, detail, { cause });
    case 'conflict':
      return new HttpProblem(409, detail, { cause });
    case 'erased':
      return new HttpProblem(410, detail, { cause });
    case 'bad-request':
      return new HttpProblem(400, detail, { cause });
    default:
      return undefined;
  }
}
