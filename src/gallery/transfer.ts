import { FacefleetError } from '../errors.ts';
import type { Clock } from '../ports/clock.ts';
import type { ObjectStore } from '../ports/object-store.ts';
import { bytesOf, ContainerReader, streamContainer } from './container.ts';
import type { Counterexample } from './decisions.ts';
import { GalleryFollower } from './follower.ts';
import { Gallery } from './gallery.ts';
import type { GalleryState } from './gallery-state.ts';
import { DEFAULT_GALLERY, faceIdOfCrop, type GalleryKeys, galleryKeys } from './keys.ts';
import type { NewFace } from './types.ts';

/**
 * An export is one container (container.ts) of the kind `gallery-export`. Its header lists people and faces; its body
 * holds, face by face in that order, each template as float32 and then the crop as it was stored (JPEG).
 */
interface ExportHeader {
  readonly kind: 'gallery-export';
  readonly version: typeof EXPORT_VERSION;
  /** Milliseconds since the epoch. */
  readonly exportedAt: number;
  readonly galleryVersion: number;
  /** The pack that answers, if one was ever chosen. */
  readonly activePack?: string;
  readonly people: readonly {
    readonly personId: string;
    readonly name: string;
    readonly externalId?: string;
  }[];
  readonly faces: readonly ExportedFace[];
  /** Absent in exports of earlier releases. */
  readonly counterexamples?: readonly Counterexample[];
}

interface ExportedFace {
  readonly faceId: string;
  /** Of one that is only a counterexample: whose. */
  readonly personId: string;
  readonly sizePx: number;
  readonly embeddingNorm: number;
  readonly pictureSha256: string;
  readonly source?: string;
  readonly externalId?: string;
  readonly templates: readonly { readonly packId: string; readonly dimensions: number }[];
  readonly cropBytes: number;
}

export const EXPORT_VERSION = 1;
/** Faces that go into one entry of the log. */
const BATCH_FACES = 200;
/** A unit vector of float32 is no further from length 1 than this. */
const UNIT_TOLERANCE = 1e-3;

export interface TransferOptions {
  readonly state: ObjectStore;
  readonly clock: Clock;
  /** Default `default`. */
  readonly gallery?: string;
}

export interface ExportReport {
  readonly people: number;
  readonly faces: number;
  readonly galleryVersion: number;
}

/** The whole gallery of now as the bytes of one file, and what is in it. */
export async function exportGallery(
  options: TransferOptions,
): Promise<ExportReport & { readonly bytes: AsyncGenerator<Uint8Array> }> {
  const { state: store, clock } = options;
  const keys = galleryKeys(options.gallery ?? DEFAULT_GALLERY);
  const follower = new GalleryFollower({ store, keys, packs: 'all' });
  const galleryVersion = await follower.refresh();
  const { state } = follower;
  const people = state.roster.people().map(({ person }) => ({ ...person }));
  const rows = state.faces.liveRows();
  const faces = describeFaces(state, rows, await cropSizes(store, keys));
  const header: ExportHeader = {
    kind: 'gallery-export',
    version: EXPORT_VERSION,
    exportedAt: clock.now(),
    galleryVersion,
    ...(state.activePack === undefined ? {} : { activePack: state.activePack }),
    people,
    faces,
    counterexamples: counterexamplesOf(state),
  };
  const body = exportBody({ store, keys, state, rows, faces });
  return { people: people.length, faces: faces.length, galleryVersion, bytes: streamContainer(header, body) };
}

export interface ImportReport {
  /** New here. */
  readonly people: number;
  readonly faces: number;
  /** Faces that were here already. */
  readonly known: number;
  /** Names of people who were erased here: they are not brought back. */
  readonly erased: readonly string[];
  readonly galleryVersion: number;
}

/**
 * Adds what an export holds. People keep their ids; one whose name somebody has here already is taken for them. Importing
 * a file again changes nothing. `onFace` is called after each face.
 *
 * @throws FacefleetError `data-corrupt` when the file is none of ours, altered or cut off; faces before that point are in.
 */
export async function importGallery(
  options: TransferOptions,
  file: { readonly bytes: AsyncIterable<Uint8Array>; readonly name: string },
  onFace: (done: number, total: number) => void = () => {},
): Promise<ImportReport> {
  const gallery = new Gallery({ ...options, name: options.gallery ?? DEFAULT_GALLERY });
  const reader = new ContainerReader(file.bytes, file.name);
  const header = await reader.header<ExportHeader>('gallery-export');
  if (header.version !== EXPORT_VERSION) {
    throw new FacefleetError(
      'data-corrupt',
      `${file.name} is an export of format ${header.version}, expected ${EXPORT_VERSION}`,
    );
  }
  // A gallery without faces has no pack yet.
  if (header.activePack !== undefined && (await gallery.activePack()) === undefined)
    await gallery.usePack(header.activePack);
  const people = await gallery.addPeople(header.people);
  const counts = { faces: 0, known: 0 };
  let batch: ReadFace[] = [];
  for (const [at, face] of header.faces.entries()) {
    const read = await readFace(reader, face, file.name);
    const personId = people.ids.get(face.personId);
    if (personId !== undefined) batch.push({ ...read, newFace: { ...read.newFace, person: personId } });
    if (batch.length === BATCH_FACES || at === header.faces.length - 1) {
      await addBatch(gallery, batch, counts);
      await addCounterexamples(gallery, batch, header, people.ids);
      batch = [];
    }
    onFace(at + 1, header.faces.length);
  }
  await reader.finish();
  return { ...counts, people: people.added, erased: people.erased, galleryVersion: gallery.version };
}

function describeFaces(
  state: GalleryState,
  rows: readonly number[],
  crops: ReadonlyMap<string, number>,
): ExportedFace[] {
  const templates = templatesByFace(state);
  const notWhom = new Map(counterexamplesOf(state).map(({ faceId, personId }) => [faceId, personId]));
  return rows.map((row) => {
    const { person, addedAt: _, ...face } = state.faces.get(row);
    return {
      ...face,
      personId: state.roster.at(person)?.personId ?? notWhom.get(face.faceId) ?? '',
      templates: (templates.get(row) ?? []).map(({ packId, vector: { length } }) => ({
        packId,
        dimensions: length,
      })),
      cropBytes: crops.get(face.faceId) ?? 0,
    };
  });
}

function counterexamplesOf({ counterexamples, faces, roster }: GalleryState): Counterexample[] {
  return counterexamples
    .pairs()
    .map(([person, row]) => ({ faceId: faces.idAt(row), personId: roster.at(person)?.personId ?? '' }));
}

async function cropSizes(store: ObjectStore, keys: GalleryKeys): Promise<Map<string, number>> {
  const sizes = new Map<string, number>();
  for await (const { key, sizeBytes } of store.list({ prefix: keys.cropPrefix }))
    sizes.set(faceIdOfCrop(key), sizeBytes);
  return sizes;
}

function templatesByFace(state: GalleryState): Map<number, { packId: string; vector: Float32Array }[]> {
  const templates = new Map<number, { packId: string; vector: Float32Array }[]>();
  for (const [packId, { faceRows, matrix }] of state.templates) {
    for (const [at, row] of faceRows.entries()) {
      if (matrix === undefined) continue;
      const ofFace = templates.get(row) ?? [];
      ofFace.push({ packId, vector: matrix.row(at) });
      templates.set(row, ofFace);
    }
  }
  return templates;
}

interface ExportParts {
  readonly store: ObjectStore;
  readonly keys: GalleryKeys;
  readonly state: GalleryState;
  readonly rows: readonly number[];
  readonly faces: readonly ExportedFace[];
}

async function* exportBody({ store, keys, state, rows, faces }: ExportParts): AsyncGenerator<Uint8Array> {
  const templates = templatesByFace(state);
  for (const [at, { faceId, cropBytes }] of faces.entries()) {
    for (const { vector } of templates.get(rows[at] ?? -1) ?? []) yield bytesOf(vector);
    if (cropBytes === 0) continue;
    const crop = await (await store.get(keys.crop(faceId)))?.bytes();
    if (crop?.length !== cropBytes) {
      throw new FacefleetError(
        'conflict',
        'a face was erased while the gallery was exported; export it again',
      );
    }
    yield crop;
  }
}

/** At once after their faces, which come in as the faces of whom they are not. */
async function addCounterexamples(
  gallery: Gallery,
  batch: readonly ReadFace[],
  { counterexamples = [] }: ExportHeader,
  people: ReadonlyMap<string, string>,
): Promise<void> {
  const inBatch = new Set(batch.map(({ newFace }) => newFace.faceId));
  const pairs = counterexamples.flatMap(({ faceId, personId }) => {
    const standing = people.get(personId);
    return standing === undefined || !inBatch.has(faceId) ? [] : [{ faceId, personId: standing }];
  });
  if (pairs.length > 0) await gallery.addCounterexamples(pairs);
}

interface ReadFace {
  readonly newFace: NewFace & { readonly faceId: string };
  readonly furtherTemplates: readonly { faceId: string; packId: string; embedding: Float32Array }[];
}

async function readFace(reader: ContainerReader, face: ExportedFace, file: string): Promise<ReadFace> {
  const { faceId, personId, templates, cropBytes, ...facts } = face;
  const read = [];
  for (const { packId, dimensions } of templates) {
    const embedding = new Float32Array((await reader.read(dimensions * 4)).buffer);
    const isUnit = Math.abs(Math.hypot(...embedding) - 1) < UNIT_TOLERANCE;
    if (!isUnit)
      throw new FacefleetError('data-corrupt', `${file}: a template of face ${faceId} is no unit vector`);
    read.push({ faceId, packId, embedding });
  }
  const crop = Buffer.from((await reader.read(cropBytes)).buffer);
  const [first, ...furtherTemplates] = read;
  if (first === undefined)
    throw new FacefleetError('data-corrupt', `${file}: the face ${faceId} has no template`);
  const { packId, embedding } = first;
  return { newFace: { ...facts, faceId, person: personId, packId, embedding, crop }, furtherTemplates };
}

async function addBatch(
  gallery: Gallery,
  batch: readonly ReadFace[],
  counts: { faces: number; known: number },
): Promise<void> {
  if (batch.length === 0) return;
  const added = await gallery.addFaces(batch.map(({ newFace }) => newFace));
  const fresh = added.filter(({ isNew }) => isNew).length;
  counts.faces += fresh;
  counts.known += added.length - fresh;
  const further = batch.flatMap(({ furtherTemplates }) => furtherTemplates);
  if (further.length > 0) await gallery.addTemplates(further);
}
