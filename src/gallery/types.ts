import type { Candidate, ComparedPair, MatchLimits, UnknownReason } from '../jobs/job.ts';

export interface Probe {
  /** Unit length, of the gallery's active pack. */
  readonly embedding: Float32Array;
  /** Width of the face box in pixels. */
  readonly sizePx: number;
}

/** An open-set answer: who it is, or nobody, and what that rests on. */
export interface MatchOutcome {
  /** Null is `unknown`. */
  readonly person: { readonly id: string; readonly name: string } | null;
  /** Cosine to the best person; null when the gallery is empty. */
  readonly similarity: number | null;
  /** Best minus second-best person, each less what their face had to reach (the same unless faces are small); null with fewer than two people. */
  readonly margin: number | null;
  /** What the similarity had to reach at these face sizes and this gallery size; null when the gallery is empty. */
  readonly threshold: number | null;
  /** How often two strangers reach this similarity at these face sizes; null when the gallery is empty. */
  readonly falseMatchRate: number | null;
  /** Why it is nobody; null when it is somebody. */
  readonly unknownReason: UnknownReason | null;
  readonly candidates: readonly Candidate[];
}

export interface MatchOptions {
  /** How often a stranger may get a name (false positive identification rate). */
  readonly falsePositiveRate: number;
  /** Instead: how often a single comparison with a stranger may pass, however many there are. */
  readonly falseMatchRate?: number;
  /** Instead: what the similarity has to reach, whatever rate that comes to. */
  readonly threshold?: number;
  /** How many candidates to list; default 3. */
  readonly topK?: number;
  /** Whether one person may be given to several of these probes. Otherwise they go to the one that has most evidence, and the others may be somebody else or nobody. */
  readonly allowRepeats?: boolean;
}

/** A worker's copy of the gallery, in memory. */
export interface GalleryReplica extends AsyncDisposable {
  /** Sequence of the last log entry it holds; 0 is empty. */
  readonly version: number;
  readonly people: number;
  readonly faces: number;
  /** Bytes that templates and ids take: a worker's memory ceiling follows it. */
  readonly residentBytes: number;
  /** The pack that answers: the first face's, or the one that the gallery was switched to; undefined when it has no faces and the configured one holds. A worker with another one should restart with this. */
  readonly activePack: string | undefined;
  /** Loads what is newer; resolves to the version it then holds, with all that was written before the call. Concurrent calls share loads. */
  refresh(): Promise<number>;
  match(probes: readonly Probe[], options: MatchOptions): Promise<MatchOutcome[]>;
  /** Compares each with each, of the pack but of nobody in particular; most similar first. */
  compare(first: readonly Probe[], second: readonly Probe[], limits: MatchLimits): readonly ComparedPair[];
  /** Whether the person was removed for good, as far as the version it holds tells; not so for one who was merged or never known. */
  isErased(personId: string): boolean;
}

export interface NewFace {
  /** Name or id of the person; a name nobody has makes a new person. */
  readonly person: string;
  readonly packId: string;
  readonly embedding: Float32Array;
  readonly sizePx: number;
  readonly embeddingNorm: number;
  /** Hex SHA-256 of the picture it came from: enrolling the same bytes for the same person again changes nothing. */
  readonly pictureSha256: string;
  /** Aligned 160x160 JPEG. */
  readonly crop: Buffer;
  readonly source?: string;
  /** What the caller calls the face. */
  readonly externalId?: string;
  /** UUID. Given, the same call repeated adds one face; else each makes a new one (unless the picture is known). */
  readonly faceId?: string;
  /** When it was asked for, milliseconds since the epoch: a person of this name erased since is not made again. */
  readonly requestedAt?: number;
}

export interface AddedFace {
  readonly personId: string;
  readonly faceId: string;
  /** Gallery version that holds it. */
  readonly version: number;
  /** The person had a face of this picture already, under another face id. */
  readonly isDuplicate: boolean;
  /** It was not there before this call. */
  readonly isNew: boolean;
}

export interface PersonSummary {
  readonly personId: string;
  readonly name: string;
  readonly faces: number;
}

export interface FaceDetails {
  readonly faceId: string;
  /** Width of the face box in pixels. */
  readonly sizePx: number;
  readonly embeddingNorm: number;
  readonly pictureSha256: string;
  /** Milliseconds since the epoch. */
  readonly addedAt: number;
  readonly source?: string;
  readonly externalId?: string;
  /** Packs that it has a template of. */
  readonly packs: readonly string[];
}

export interface PersonDetails {
  readonly personId: string;
  readonly name: string;
  readonly externalId?: string;
  readonly faces: readonly FaceDetails[];
  /** Faces that were taken for theirs and are not. */
  readonly counterexamples: readonly FaceDetails[];
}
