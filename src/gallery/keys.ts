import assert from 'node:assert/strict';

export const DEFAULT_GALLERY = 'default';

/** State bucket: the galleries that were made beside the default one. */
export const GALLERY_RECORDS = 'galleries/';
export const galleryRecordKey = (name: string): string => `${GALLERY_RECORDS}${name}.json`;

/** Where a gallery's objects lie in the state bucket. */
export interface GalleryKeys {
  readonly manifest: string;
  readonly logPrefix: string;
  readonly segmentPrefix: string;
  readonly cropPrefix: string;
  readonly erasurePrefix: string;
  /** Sequences start at 1; twelve digits keep the byte order of keys the order of entries. */
  log(sequence: number): string;
  /** `id` tells compactions of the same sequence apart. */
  segment(sequence: number, id: string): string;
  crop(faceId: string): string;
  erasure(personId: string): string;
}

/** Below it lies all of a gallery. */
export const galleryPrefix = (galleryId: string): string => `gallery/${galleryId}/`;

export function galleryKeys(name: string): GalleryKeys {
  assert.match(
    name,
    /^[a-z0-9][a-z0-9-]{0,63}(\.[0-9a-f]{8})?$/,
    'the id of a gallery is 1 to 64 of a-z, 0-9 and -, perhaps with eight hex digits after a dot',
  );
  const root = `gallery/${name}`;
  return {
    manifest: `${root}/manifest.json`,
    logPrefix: `${root}/log/`,
    segmentPrefix: `${root}/base/`,
    cropPrefix: `${root}/crops/`,
    erasurePrefix: `${root}/erasures/`,
    log: (sequence) => `${root}/log/${digits(sequence)}`,
    segment: (sequence, id) => `${root}/base/${digits(sequence)}-${id}`,
    crop: (faceId) => `${root}/crops/${faceId}.jpg`,
    erasure: (personId) => `${root}/erasures/${personId}.json`,
  };
}

/** The face whose crop has this key. */
export function faceIdOfCrop(key: string): string {
  return key.slice(key.lastIndexOf('/') + 1, -'.jpg'.length);
}

/** The sequence in a key of the log or of a segment. */
export function sequenceOf(key: string): number {
  return Number(/\/(\d{12})(?:-[^/]*)?$/.exec(key)?.[1] ?? Number.NaN);
}

function digits(sequence: number): string {
  assert(Number.isSafeInteger(sequence) && sequence >= 0 && sequence < 1e12, `no sequence: ${sequence}`);
  return String(sequence).padStart(12, '0');
}
