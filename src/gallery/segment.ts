import { randomUUID } from 'node:crypto';
import { Readable } from 'node:stream';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { ObjectStore } from '../ports/object-store.ts';
import { bytesOf, ContainerReader, encodeContainer } from './container.ts';
import { FaceTable, NOBODY, STRANGER } from './face-table.ts';
import { GalleryState, type PackFilter, type Templates } from './gallery-state.ts';
import type { GalleryKeys } from './keys.ts';
import type { Manifest, PackSegment } from './manifest.ts';
import { agedTombstone } from './names.ts';
import type { Tombstone } from './roster.ts';
import type { VectorMatrix } from './vector-matrix.ts';

/** The body has the columns of all faces, then for each pack the face row of each of its templates. */
interface RosterHeader {
  readonly kind: 'roster';
  readonly sequence: number;
  readonly activePack?: string;
  /** By the index that faces refer to. */
  readonly people: readonly (readonly [personId: string, name: string, externalId?: string])[];
  readonly aliases: readonly (readonly [from: string, into: string])[];
  readonly tombstones: readonly Tombstone[];
  readonly faces: number;
  readonly sources: readonly (readonly [row: number, source: string])[];
  /** Absent in bases of earlier releases, as the next. */
  readonly externalIds?: readonly (readonly [row: number, externalId: string])[];
  readonly counterexamples?: readonly (readonly [person: number, faceRow: number])[];
  readonly packs: readonly { readonly packId: string; readonly dimensions: number; readonly rows: number }[];
}

/** The body has the vectors, in the order of the roster's face rows. */
interface VectorsHeader {
  readonly kind: 'vectors';
  readonly sequence: number;
  readonly packId: string;
  readonly dimensions: number;
  readonly rows: number;
}

const MAX_SEGMENT_BYTES = 64 * 1024 ** 3;
/** People that are read before others get their turn: a web tier answers while it loads. */
const PEOPLE_A_TURN = 5000;

/** Writes the state, which must hold every pack, as new objects and returns what a manifest says of them. */
export async function writeSegments(
  store: ObjectStore,
  keys: GalleryKeys,
  state: GalleryState,
  { sequence, now }: { sequence: number; now: number },
): Promise<Pick<Manifest, 'sequence' | 'roster' | 'packs'>> {
  const id = randomUUID().slice(0, 8);
  const compact = withoutGaps(state);
  const packs: PackSegment[] = [];
  for (const [packId, { dimensions, rows, vectors }] of compact.packs) {
    const key = keys.segment(sequence, `${id}-vectors-${packId}`);
    const header: VectorsHeader = { kind: 'vectors', sequence, packId, dimensions, rows };
    await writeContainer(store, key, header, vectors);
    packs.push({ packId, dimensions, rows, key });
  }
  const roster = keys.segment(sequence, `${id}-roster`);
  await writeContainer(store, roster, compact.header(sequence, now), compact.columns);
  return { sequence, roster, packs };
}

/** The state that the manifest's segments hold; undefined when one is gone because another compaction replaced them. */
export async function readSegments(
  store: ObjectStore,
  manifest: Manifest,
  filter: PackFilter,
): Promise<GalleryState | undefined> {
  const object = await store.get(manifest.roster);
  if (object === undefined) return undefined;
  const state = await readRoster(new ContainerReader(object.stream(), manifest.roster), filter);
  for (const segment of manifest.packs) {
    const templates = state.templates.get(segment.packId);
    if (templates?.matrix === undefined) continue;
    const vectors = await store.get(segment.key);
    if (vectors === undefined) return undefined;
    await readVectors(new ContainerReader(vectors.stream(), segment.key), templates.matrix, segment.rows);
  }
  return state;
}

async function readRoster(reader: ContainerReader, filter: PackFilter): Promise<GalleryState> {
  const header = await reader.header<RosterHeader>('roster');
  const { table, columns } = FaceTable.withRows(header.faces);
  for (const column of columns) await reader.readInto(bytesOf(column));
  for (const [row, source] of header.sources) table.setSource(row, source);
  for (const [row, externalId] of header.externalIds ?? []) table.setExternalId(row, externalId);
  const state = new GalleryState(filter, table);
  for (const pack of header.packs) {
    const faceRows = new Uint32Array(pack.rows);
    await reader.readInto(bytesOf(faceRows));
    const templates = state.templatesOf(pack.packId, pack.dimensions);
    for (const row of faceRows) templates.faceRows.push(row);
  }
  await reader.finish();
  for (const [at, [personId, name, externalId]] of header.people.entries()) {
    state.roster.add(personId, name, externalId);
    if (at % PEOPLE_A_TURN === PEOPLE_A_TURN - 1) await nextTurn();
  }
  for (const [person, row] of header.counterexamples ?? []) state.counterexamples.add(person, row);
  for (const [from, into] of header.aliases) state.roster.alias(from, into);
  for (const tombstone of header.tombstones) state.roster.erase(tombstone);
  state.activePack = header.activePack;
  return state;
}

async function readVectors(reader: ContainerReader, matrix: VectorMatrix, rows: number): Promise<void> {
  await reader.header<VectorsHeader>('vectors');
  for (let left = rows; left > 0; ) {
    const target = matrix.extend(left);
    await reader.readInto(bytesOf(target));
    left -= target.length / matrix.dimensions;
  }
  await reader.finish();
}

/** The state with people and faces numbered anew, without those that are gone. */
function withoutGaps(state: GalleryState) {
  const people = state.roster.people();
  const personIndex = new Map(people.map(({ index }, fresh) => [index, fresh]));
  const table = new FaceTable();
  const faceRow = new Uint32Array(state.faces.rows).fill(NOBODY);
  for (const row of state.faces.liveRows()) {
    const face = state.faces.get(row);
    faceRow[row] = table.push({ ...face, person: personIndex.get(face.person) ?? STRANGER });
  }
  const packs = new Map([...state.templates].map(([id, templates]) => [id, livePack(templates, faceRow)]));
  const header = (sequence: number, now: number): RosterHeader => ({
    kind: 'roster',
    sequence,
    ...(state.activePack === undefined ? {} : { activePack: state.activePack }),
    people: people.map(({ person: { personId, name, externalId } }) =>
      externalId === undefined ? [personId, name] : [personId, name, externalId],
    ),
    aliases: state.roster.aliases(),
    tombstones: state.roster.tombstones().map((tombstone) => agedTombstone(tombstone, now)),
    faces: table.rows,
    sources: table.sources(),
    externalIds: table.externalIds(),
    counterexamples: state.counterexamples
      .pairs()
      .map(([person, row]) => [personIndex.get(person) ?? NOBODY, faceRow[row] ?? NOBODY]),
    packs: [...packs].map(([packId, { dimensions, rows }]) => ({ packId, dimensions, rows })),
  });
  const columns = [...table.columns(), ...[...packs.values()].map((pack) => pack.faceRows)].map(bytesOf);
  return { header, columns, packs };
}

function livePack(templates: Templates, faceRow: Uint32Array) {
  const { dimensions, matrix } = templates;
  const live = templates.faceRows
    .map((row, at) => ({ at, row: faceRow[row] ?? NOBODY }))
    .filter(({ row }) => row !== NOBODY);
  const faceRows = Uint32Array.from(live, ({ row }) => row);
  const vectors = function* () {
    if (matrix !== undefined) for (const { at } of live) yield bytesOf(matrix.row(at));
  };
  return { dimensions, rows: live.length, faceRows, vectors: vectors() };
}

async function writeContainer(
  store: ObjectStore,
  key: string,
  header: object,
  body: Iterable<Uint8Array>,
): Promise<void> {
  const stream = Readable.from(gathered(encodeContainer(header, body)), { objectMode: false });
  await store.put(key, stream, {
    ifNoneMatch: '*',
    maxBytes: MAX_SEGMENT_BYTES,
    contentType: 'application/octet-stream',
  });
}

/** Rows are a kilobyte; streams want larger pieces. */
function* gathered(pieces: Iterable<Uint8Array>, wantedBytes = 256 * 1024): Generator<Uint8Array> {
  let waiting: Uint8Array[] = [];
  let bytes = 0;
  for (const piece of pieces) {
    waiting.push(piece);
    bytes += piece.length;
    if (bytes < wantedBytes) continue;
    yield Buffer.concat(waiting);
    waiting = [];
    bytes = 0;
  }
  if (bytes > 0) yield Buffer.concat(waiting);
}
