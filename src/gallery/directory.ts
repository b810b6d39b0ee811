import { randomBytes } from 'node:crypto';
import { FacefleetError, NotFoundError, PreconditionFailedError } from '../errors.ts';
import type { GalleryId } from '../jobs/job.ts';
import type { Clock } from '../ports/clock.ts';
import type { ObjectStore } from '../ports/object-store.ts';
import { DEFAULT_GALLERY, GALLERY_RECORDS, galleryRecordKey } from './keys.ts';

const RECORD_VERSION = 1;
const NAME = /^[a-z0-9][a-z0-9-]{0,63}$/;

/** A gallery by name. */
export interface GalleryEntry {
  readonly name: string;
  /** The one that has the name now: a gallery made anew under a name that was removed is another one. */
  readonly galleryId: GalleryId;
  /** Milliseconds since the epoch; absent for the default one, which was always there. */
  readonly createdAt?: number;
}

interface GalleryRecord extends Required<GalleryEntry> {
  readonly version: typeof RECORD_VERSION;
  /** `closing`: it is being removed, and nobody finds it any more. */
  readonly state: 'open' | 'closing';
}

export interface GalleryDirectoryOptions {
  readonly state: ObjectStore;
  readonly clock: Clock;
}

const THE_DEFAULT: GalleryEntry = { name: DEFAULT_GALLERY, galleryId: DEFAULT_GALLERY };

/** Which galleries there are. The default one always is; others are made and removed. */
export class GalleryDirectory {
  readonly #state: ObjectStore;
  readonly #clock: Clock;

  constructor({ state, clock }: GalleryDirectoryOptions) {
    this.#state = state;
    this.#clock = clock;
  }

  /** All that are open, the default one first, then by name. */
  async list(): Promise<GalleryEntry[]> {
    const records = await this.#records();
    return [THE_DEFAULT, ...records.filter(({ state }) => state === 'open').map(entryOf)];
  }

  /** Those whose removal began and did not end. */
  async closing(): Promise<GalleryEntry[]> {
    return (await this.#records()).filter(({ state }) => state === 'closing').map(entryOf);
  }

  /** By name, or by the id that results name it by. */
  async find(reference: string): Promise<GalleryEntry | undefined> {
    if (reference === DEFAULT_GALLERY) return THE_DEFAULT;
    const [name = '', ...rest] = reference.split('.');
    if (!NAME.test(name)) return undefined;
    const found = await this.#read(name);
    if (found?.record.state !== 'open') return undefined;
    return rest.length === 0 || found.record.galleryId === reference ? entryOf(found.record) : undefined;
  }

  /** Whether the gallery with this id is there and is not being removed. */
  async isOpen(galleryId: GalleryId): Promise<boolean> {
    const entry = await this.find(galleryId.split('.', 1)[0] ?? '');
    return entry?.galleryId === galleryId;
  }

  /**
   * @throws FacefleetError `conflict` when there is one of this name or it is still being removed, `bad-request` for a name
   *   that is none.
   */
  async create(name: string): Promise<GalleryEntry> {
    if (!NAME.test(name)) {
      const message = `a gallery's name is ${JSON.stringify(name)}, expected 1 to 64 of a-z, 0-9 and -`;
      throw new FacefleetError('bad-request', message);
    }
    const galleryId = `${name}.${randomBytes(4).toString('hex')}`;
    const createdAt = this.#clock.now();
    const record: GalleryRecord = { version: RECORD_VERSION, name, galleryId, createdAt, state: 'open' };
    try {
      if (name === DEFAULT_GALLERY) throw new PreconditionFailedError('the default gallery is always there');
      await this.#put(record, { ifNoneMatch: '*' });
    } catch (cause) {
      if (!(cause instanceof PreconditionFailedError)) throw cause;
      throw new FacefleetError('conflict', `there is a gallery named ${name} already`, { cause });
    }
    return entryOf(record);
  }

  /**
   * From here on nobody finds it. @throws NotFoundError, or FacefleetError `conflict` for the default one, which stays.
   */
  async close(name: string): Promise<GalleryEntry> {
    if (name === DEFAULT_GALLERY) {
      throw new FacefleetError('conflict', 'the default gallery stays; its people can be erased one by one');
    }
    const found = NAME.test(name) ? await this.#read(name) : undefined;
    if (found === undefined)
      throw new NotFoundError('there is no such gallery', { context: { gallery: name } });
    const { record, etag } = found;
    if (record.state === 'open') await this.#put({ ...record, state: 'closing' }, { ifMatch: etag });
    return entryOf(record);
  }

  /** Its name may be used again. */
  async forget({ name }: GalleryEntry): Promise<void> {
    await this.#state.delete(galleryRecordKey(name));
  }

  async #records(): Promise<GalleryRecord[]> {
    const records: GalleryRecord[] = [];
    for await (const { key } of this.#state.list({ prefix: GALLERY_RECORDS })) {
      const found = await this.#read(key.slice(GALLERY_RECORDS.length, -'.json'.length));
      if (found !== undefined) records.push(found.record);
    }
    return records;
  }

  async #read(name: string): Promise<{ record: GalleryRecord; etag: string } | undefined> {
    const key = galleryRecordKey(name);
    const object = await this.#state.get(key);
    if (object === undefined) return undefined;
    const record = JSON.parse((await object.bytes()).toString('utf8')) as GalleryRecord;
    if (record.version === RECORD_VERSION) return { record, etag: object.info.etag };
    throw new FacefleetError(
      'data-corrupt',
      `the record of a gallery has format ${record.version}, expected ${RECORD_VERSION}`,
      { context: { key } },
    );
  }

  async #put(record: GalleryRecord, condition: { ifNoneMatch: '*' } | { ifMatch: string }): Promise<void> {
    const body = Buffer.from(JSON.stringify(record));
    await this.#state.put(galleryRecordKey(record.name), body, {
      contentType: 'application/json',
      ...condition,
    });
  }
}

function entryOf({ name, galleryId, createdAt }: GalleryRecord): GalleryEntry {
  return { name, galleryId, createdAt };
}
