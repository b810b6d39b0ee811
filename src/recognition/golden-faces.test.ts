import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { SAMPLE_NUMBERS, type SampleNumber, samplePicture } from '../../test/support/sample-pictures.ts';
import { openTestRecogniser } from '../../test/support/test-recogniser.ts';
import type { Recogniser } from './index.ts';

/** Tolerances: resampling and sums round differently on other processors, and nothing else may move. */
const BOX_PX = 4;
const LANDMARK_PX = 3;
const EMBEDDING = 0.02;

type Golden = readonly [
  picture: SampleNumber,
  box: readonly [x: number, y: number, width: number, height: number],
  landmarks: readonly number[],
  firstFloats: readonly number[],
];

/** All 22 faces, looked over by eye, as the pack `fast` gave them: box, five landmarks, the embedding's first floats. */
const GOLDEN: readonly Golden[] = [
  [
    1,
    [824, 418, 213, 243],
    [871, 555, 948, 512, 916, 587, 915, 623, 984, 583],
    [-0.004, -0.01, 0.009, 0.005],
  ],
  [
    1,
    [1476, 207, 207, 226],
    [1561, 276, 1620, 337, 1555, 340, 1500, 342, 1555, 397],
    [-0.023, -0.004, -0.005, -0.001],
  ],
  [
    1,
    [409, 357, 179, 243],
    [439, 460, 520, 457, 463, 514, 443, 543, 528, 540],
    [0.006, -0.011, 0.005, -0.012],
  ],
  [
    2,
    [316, 126, 217, 306],
    [341, 257, 427, 242, 369, 296, 359, 370, 432, 357],
    [-0.012, 0.007, -0.005, -0.004],
  ],
  [
    2,
    [1433, 163, 203, 234],
    [1484, 278, 1566, 251, 1532, 320, 1520, 355, 1591, 333],
    [-0.002, -0.003, 0.007, 0.01],
  ],
  [
    2,
    [890, 239, 180, 229],
    [948, 332, 1036, 327, 996, 396, 951, 411, 1030, 406],
    [0.016, -0.016, 0.009, 0.006],
  ],
  [
    3,
    [1064, 201, 224, 303],
    [1119, 318, 1220, 337, 1147, 391, 1100, 421, 1195, 442],
    [-0.016, -0.005, -0.01, 0.01],
  ],
  [
    3,
    [1493, 276, 206, 307],
    [1556, 408, 1650, 401, 1615, 465, 1551, 504, 1649, 496],
    [0.007, -0.009, -0.011, -0.009],
  ],
  [
    3,
    [589, 323, 206, 276],
    [634, 430, 726, 432, 662, 488, 639, 533, 714, 533],
    [0.004, -0.006, 0.006, 0.022],
  ],
  [
    4,
    [263, 203, 180, 243],
    [321, 314, 398, 285, 390, 346, 353, 398, 415, 374],
    [0.002, -0.009, 0.002, 0.009],
  ],
  [
    4,
    [985, 179, 171, 235],
    [1008, 280, 1082, 287, 1019, 338, 1010, 366, 1080, 371],
    [-0.002, -0.018, -0.007, -0.005],
  ],
  [4, [655, 66, 177, 224], [710, 151, 783, 189, 715, 205, 676, 226, 737, 260], [0.008, -0.005, -0.0, -0.008]],
  [
    4,
    [1270, 152, 152, 223],
    [1319, 232, 1382, 265, 1318, 281, 1287, 300, 1355, 333],
    [-0.004, -0.003, -0.016, 0.006],
  ],
  [
    5,
    [363, 866, 214, 302],
    [423, 991, 521, 979, 483, 1039, 441, 1098, 530, 1087],
    [-0.003, -0.005, -0.007, 0.017],
  ],
  [
    5,
    [1407, 389, 202, 281],
    [1436, 505, 1523, 493, 1462, 574, 1460, 616, 1536, 603],
    [0.01, -0.002, 0.014, 0.002],
  ],
  [
    5,
    [601, 419, 165, 241],
    [679, 513, 751, 516, 737, 563, 688, 608, 743, 605],
    [-0.002, -0.003, -0.009, 0.006],
  ],
  [5, [782, 107, 167, 227], [845, 191, 921, 204, 887, 241, 842, 278, 903, 288], [0.001, 0.0, -0.001, 0.015]],
  [
    5,
    [1110, 208, 172, 219],
    [1149, 295, 1228, 293, 1175, 330, 1147, 379, 1217, 376],
    [-0.0, 0.006, 0.001, -0.006],
  ],
  [
    6,
    [1480, 246, 211, 309],
    [1533, 370, 1630, 392, 1555, 448, 1515, 480, 1599, 496],
    [0.008, 0.007, 0.011, -0.015],
  ],
  [
    6,
    [669, 323, 203, 312],
    [703, 453, 796, 444, 737, 515, 725, 566, 807, 555],
    [0.001, -0.014, -0.006, 0.003],
  ],
  [
    6,
    [257, 486, 211, 280],
    [325, 609, 425, 595, 392, 668, 340, 704, 430, 694],
    [0.012, -0.007, 0.003, -0.016],
  ],
  [
    6,
    [1169, 307, 207, 283],
    [1224, 426, 1332, 429, 1278, 501, 1232, 530, 1316, 529],
    [0.012, -0.007, -0.009, 0.004],
  ],
];

describe('the pack fast gives the golden faces of', () => {
  let recogniser: Recogniser;
  before(async () => {
    recogniser = await openTestRecogniser();
  });
  after(() => recogniser[Symbol.asyncDispose]());

  for (const number of SAMPLE_NUMBERS) {
    test(`sample ${number}`, async () => {
      const { faces } = await recogniser.recognise(await samplePicture(number));
      const golden = GOLDEN.filter(([picture]) => picture === number);
      assert.equal(faces.length, golden.length);
      // Faces of nearly one size may change places.
      for (const [, box, landmarks, firstFloats] of golden) {
        const face = faces.find((one) => Math.hypot(one.box.x - box[0], one.box.y - box[1]) < 50);
        assert.ok(face !== undefined, `a face at ${box}`);
        const { x, y, width, height } = face.box;
        assertClose([x, y, width, height], box, BOX_PX);
        assertClose(
          face.landmarks.flatMap((point) => [point.x, point.y]),
          landmarks,
          LANDMARK_PX,
        );
        assertClose([...face.embedding.subarray(0, firstFloats.length)], firstFloats, EMBEDDING);
      }
    });
  }
});

function assertClose(actual: readonly number[], expected: readonly number[], tolerance: number) {
  const furthest = Math.max(...expected.map((value, index) => Math.abs(value - actual[index]!)));
  assert.ok(furthest <= tolerance, `${actual} is ${furthest} off ${expected}, at most ${tolerance} allowed`);
}
