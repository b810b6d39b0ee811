/** Pixels of the upright picture (EXIF orientation applied), origin at its upper left corner. */
export interface Point {
  readonly x: number;
  readonly y: number;
}

export interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** Left eye, right eye, nose, left and right mouth corner, as seen in the picture. */
export type Landmarks = readonly [Point, Point, Point, Point, Point];

/** How good a face is for recognition. Each figure is measured, none is a probability. */
export interface FaceQuality {
  /** 0 to 1, all figures below folded into one: see `overallOf`. Under 0.3 expect `unknown`, under 0.5 don't enrol unseen. */
  readonly overall: number;
  /** Width of the face box in pixels of the original picture. */
  readonly sizePx: number;
  /** Norm of MobileFaceNet's raw output (median 70 from 44 px up, 59 at 22 px, 50 at 13 px); 0 when it embedded nothing. */
  readonly embeddingNorm: number;
  /** Degrees, estimated from the landmarks: 0 looks into the camera, positive turns to the picture's right. */
  readonly yawDegrees: number;
  readonly rollDegrees: number;
  /** Variance of the Laplacian of the aligned grey chip; below some 30 it is blurred. */
  readonly sharpness: number;
}

export interface Face {
  readonly box: Box;
  readonly landmarks: Landmarks;
  /** 0 to 1: the larger of the two O-Net scores. */
  readonly detectionScore: number;
  readonly quality: FaceQuality;
  /** Unit length; the pack says how many floats. Empty when only detection was asked for. */
  readonly embedding: Float32Array;
  /** Aligned 160x160 JPEG, kept at enrolment for re-embedding; only when asked for. */
  readonly crop?: Buffer;
}

/** Milliseconds by stage. */
export interface RecognitionTimings {
  readonly decodeMs: number;
  readonly detectMs: number;
  readonly embedMs: number;
}

export interface RecognisedPicture {
  /** Of the upright original, pixels. */
  readonly width: number;
  readonly height: number;
  readonly format: string;
  /** Largest first, at most `maxFaces`. */
  readonly faces: readonly Face[];
  /** How many more faces were found and cut off. */
  readonly facesCut: number;
  readonly timings: RecognitionTimings;
  /** The pack that made the embeddings. */
  readonly packId: string;
}

export interface RecogniseOptions {
  /** 'embed' (default) or 'detect': boxes and landmarks only. */
  readonly until?: 'detect' | 'embed';
  /** Make `crop` for each face. */
  readonly crops?: boolean;
  /** Run the extra 640 px pass. */
  readonly smallFaces?: boolean;
  /** Default 100. */
  readonly maxFaces?: number;
}

/** Encoded picture in, faces out. Rejects with BadImageError (code `bad-image`) when the bytes are no picture it reads. */
export interface Recogniser extends AsyncDisposable {
  readonly packId: string;
  readonly dimensions: number;
  recognise(picture: Uint8Array, options?: RecogniseOptions): Promise<RecognisedPicture>;
  /** Embeds an enrolment crop again (160x160, aligned): the unit embedding under this pack. */
  embedCrop(crop: Uint8Array): Promise<Float32Array>;
}
