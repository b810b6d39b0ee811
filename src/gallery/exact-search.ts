import { exactSearch, MetricKind } from 'usearch';
import type { ChunkView } from './vector-matrix.ts';

export interface SearchRequest {
  readonly chunks: readonly ChunkView[];
  readonly dimensions: number;
  /** Probes of unit length, one after another, from the start of their buffer. */
  readonly probes: Float32Array;
  /** Rows wanted for each probe. */
  readonly count: number;
}

/** Best first. */
export interface SearchHits {
  readonly rows: Uint32Array;
  /** Cosines. */
  readonly similarities: Float32Array;
}

/** The `count` most similar rows of the matrix for each probe (fewer when there are fewer rows), by comparing with every row. */
export function searchExactly(request: SearchRequest): SearchHits[] {
  const { chunks, dimensions, probes } = request;
  // A picture without faces; usearch would say that it is out of memory.
  if (probes.length === 0) return [];
  const found = chunks.map((chunk) => searchChunk(chunk, request));
  const firstRows = chunks.map((_, at) => chunks.slice(0, at).reduce((sum, chunk) => sum + chunk.rows, 0));
  return Array.from({ length: probes.length / dimensions }, (_, probe) =>
    best(
      found.map(({ keys, distances, count }, at) => ({
        firstRow: firstRows[at] ?? 0,
        keys: keys.subarray(probe * count, (probe + 1) * count),
        distances: distances.subarray(probe * count, (probe + 1) * count),
      })),
      request.count,
    ),
  );
}

function searchChunk({ buffer, rows }: ChunkView, { dimensions, probes, count: wanted }: SearchRequest) {
  // usearch looks at the buffer and ignores an array's offset into it: every array here begins where its buffer does.
  const dataset = new Float32Array(buffer, 0, rows * dimensions);
  const count = Math.min(wanted, rows);
  const { keys, distances } = exactSearch(dataset, probes, dimensions, count, MetricKind.IP, 1);
  return { keys, distances, count };
}

interface ChunkHits {
  readonly firstRow: number;
  readonly keys: BigUint64Array;
  /** 1 - inner product, ascending. */
  readonly distances: Float32Array;
}

/** Merges the sorted hits of the chunks. */
function best(chunks: readonly ChunkHits[], wanted: number): SearchHits {
  const total = chunks.reduce((sum, chunk) => sum + chunk.keys.length, 0);
  const count = Math.min(wanted, total);
  const rows = new Uint32Array(count);
  const similarities = new Float32Array(count);
  const next = chunks.map(() => 0);
  for (let at = 0; at < count; at++) {
    let nearest = -1;
    let distance = Number.POSITIVE_INFINITY;
    for (const [index, chunk] of chunks.entries()) {
      const candidate = chunk.distances[next[index] ?? 0];
      if (candidate === undefined || candidate >= distance) continue;
      nearest = index;
      distance = candidate;
    }
    const chunk = chunks[nearest];
    if (chunk === undefined) break;
    rows[at] = chunk.firstRow + Number(chunk.keys[next[nearest] ?? 0]);
    similarities[at] = 1 - distance;
    next[nearest] = (next[nearest] ?? 0) + 1;
  }
  return { rows, similarities };
}
