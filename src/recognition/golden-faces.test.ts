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
    [871, 553, 946, 513, 916, 586, 914, 620, 982, 583],
    [-0.004, -0.008, 0.01, 0.005],
  ],
  [
    1,
    [1476, 207, 207, 226],
    [1557, 278, 1617, 338, 1554, 341, 1500, 345, 1554, 397],
    [-0.022, -0.004, -0.006, -0.003],
  ],
  [
    1,
    [409, 357, 179, 243],
    [440, 460, 518, 459, 462, 516, 444, 541, 525, 540],
    [0.006, -0.012, 0.009, -0.013],
  ],
  [
    2,
    [316, 126, 217, 306],
    [344, 259, 422, 243, 368, 306, 363, 369, 432, 354],
    [-0.013, 0.007, -0.005, -0.004],
  ],
  [
    2,
    [1433, 163, 203, 234],
    [1486, 278, 1566, 251, 1533, 321, 1522, 355, 1591, 333],
    [-0.002, -0.004, 0.006, 0.011],
  ],
  [
    2,
    [890, 239, 180, 229],
    [950, 333, 1032, 332, 995, 397, 951, 414, 1025, 411],
    [0.014, -0.015, 0.008, 0.004],
  ],
  [
    3,
    [1064, 201, 224, 303],
    [1119, 319, 1219, 338, 1148, 389, 1102, 420, 1196, 440],
    [-0.017, -0.007, -0.011, 0.011],
  ],
  [
    3,
    [1493, 276, 206, 307],
    [1556, 409, 1651, 403, 1615, 468, 1553, 501, 1650, 497],
    [0.006, -0.007, -0.01, -0.009],
  ],
  [
    3,
    [589, 323, 206, 276],
    [633, 431, 725, 432, 662, 488, 639, 533, 714, 533],
    [0.004, -0.007, 0.007, 0.022],
  ],
  [4, [263, 203, 180, 243], [321, 315, 396, 286, 390, 349, 353, 396, 413, 372], [0.002, -0.01, 0.003, 0.01]],
  [
    4,
    [985, 179, 171, 235],
    [1008, 280, 1081, 287, 1021, 337, 1010, 362, 1080, 367],
    [-0.003, -0.019, -0.007, -0.004],
  ],
  [4, [655, 66, 177, 224], [709, 152, 781, 189, 714, 208, 676, 229, 737, 262], [0.007, -0.004, -0.0, -0.008]],
  [
    4,
    [1270, 152, 152, 223],
    [1318, 234, 1382, 266, 1319, 280, 1288, 300, 1355, 332],
    [-0.003, -0.003, -0.016, 0.006],
  ],
  [
    5,
    [363, 866, 214, 302],
    [421, 991, 520, 979, 483, 1041, 441, 1098, 529, 1086],
    [-0.003, -0.005, -0.007, 0.018],
  ],
  [
    5,
    [1407, 389, 202, 281],
    [1437, 507, 1522, 494, 1464, 573, 1461, 613, 1536, 602],
    [0.009, -0.001, 0.013, 0.002],
  ],
  [
    5,
    [601, 419, 165, 241],
    [680, 514, 749, 515, 738, 563, 687, 607, 741, 603],
    [-0.002, -0.004, -0.009, 0.006],
  ],
  [5, [782, 107, 167, 227], [845, 191, 921, 205, 887, 241, 843, 278, 903, 289], [0.001, 0.0, -0.001, 0.016]],
  [
    5,
    [1110, 208, 172, 219],
    [1150, 296, 1228, 293, 1175, 330, 1147, 379, 1217, 375],
    [-0.001, 0.006, 0.001, -0.008],
  ],
  [
    6,
    [1480, 246, 211, 309],
    [1533, 371, 1630, 393, 1554, 449, 1516, 478, 1600, 496],
    [0.008, 0.008, 0.011, -0.016],
  ],
  [
    6,
    [669, 323, 203, 312],
    [703, 455, 795, 445, 736, 516, 724, 563, 808, 553],
    [0.001, -0.013, -0.006, 0.002],
  ],
  [
    6,
    [257, 486, 211, 280],
    [324, 608, 425, 595, 393, 668, 339, 703, 429, 693],
    [0.012, -0.007, 0.003, -0.015],
  ],
  [
    6,
    [1169, 307, 207, 283],
    [1225, 427, 1331, 430, 1279, 501, 1233, 532, 1315, 530],
    [0.012, -0.007, -0.008, 0.004],
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
