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
  [1, [822, 421, 213, 234], [873, 555, 948, 514, 916, 587, 916, 622, 981, 584], [-0.003, -0.01, 0.01, 0.005]],
  [
    1,
    [1476, 208, 208, 225],
    [1561, 276, 1620, 334, 1555, 339, 1501, 343, 1555, 395],
    [-0.024, -0.003, -0.005, -0.0],
  ],
  [
    1,
    [412, 361, 174, 236],
    [440, 459, 517, 457, 461, 514, 444, 542, 526, 539],
    [0.006, -0.012, 0.008, -0.011],
  ],
  [
    2,
    [313, 131, 226, 319],
    [343, 263, 424, 243, 369, 305, 368, 383, 434, 367],
    [-0.011, 0.004, -0.001, -0.003],
  ],
  [
    2,
    [1433, 166, 202, 229],
    [1486, 278, 1567, 251, 1532, 321, 1522, 356, 1591, 333],
    [-0.002, -0.004, 0.007, 0.01],
  ],
  [
    2,
    [889, 239, 177, 227],
    [947, 333, 1033, 328, 995, 396, 951, 412, 1028, 406],
    [0.014, -0.016, 0.01, 0.004],
  ],
  [
    3,
    [1061, 201, 223, 302],
    [1119, 317, 1220, 337, 1149, 392, 1099, 419, 1195, 441],
    [-0.017, -0.005, -0.01, 0.011],
  ],
  [
    3,
    [1492, 278, 209, 303],
    [1555, 408, 1652, 402, 1614, 465, 1552, 503, 1651, 497],
    [0.007, -0.009, -0.011, -0.01],
  ],
  [
    3,
    [587, 322, 208, 277],
    [633, 429, 727, 432, 663, 488, 637, 532, 715, 533],
    [0.004, -0.006, 0.006, 0.022],
  ],
  [
    4,
    [262, 204, 183, 244],
    [320, 315, 399, 284, 390, 346, 353, 400, 416, 374],
    [0.001, -0.008, 0.003, 0.011],
  ],
  [4, [654, 67, 180, 227], [710, 151, 783, 189, 715, 203, 676, 227, 738, 261], [0.008, -0.004, 0.0, -0.009]],
  [
    4,
    [983, 180, 170, 233],
    [1008, 281, 1083, 288, 1019, 338, 1010, 367, 1079, 372],
    [-0.004, -0.018, -0.006, -0.005],
  ],
  [
    4,
    [1268, 152, 155, 225],
    [1319, 232, 1382, 265, 1318, 282, 1287, 299, 1356, 332],
    [-0.003, -0.003, -0.016, 0.006],
  ],
  [
    5,
    [360, 870, 212, 297],
    [422, 992, 519, 979, 483, 1039, 443, 1099, 530, 1088],
    [-0.003, -0.006, -0.007, 0.017],
  ],
  [
    5,
    [1405, 390, 200, 275],
    [1435, 505, 1522, 493, 1461, 574, 1460, 615, 1534, 603],
    [0.009, -0.002, 0.014, 0.002],
  ],
  [
    5,
    [604, 426, 163, 235],
    [679, 514, 751, 516, 737, 564, 689, 608, 743, 606],
    [-0.002, -0.003, -0.009, 0.007],
  ],
  [5, [781, 108, 167, 225], [845, 192, 922, 205, 886, 241, 842, 279, 902, 289], [0.001, 0.0, -0.001, 0.015]],
  [
    5,
    [1110, 208, 168, 214],
    [1150, 294, 1227, 293, 1176, 328, 1148, 377, 1215, 375],
    [-0.002, 0.007, 0.001, -0.005],
  ],
  [
    6,
    [1478, 248, 213, 307],
    [1533, 371, 1631, 392, 1554, 449, 1515, 480, 1599, 497],
    [0.008, 0.007, 0.011, -0.015],
  ],
  [6, [665, 327, 199, 309], [703, 456, 798, 445, 740, 516, 726, 566, 809, 555], [0.0, -0.013, -0.006, 0.003]],
  [
    6,
    [255, 488, 210, 276],
    [325, 609, 425, 596, 392, 666, 342, 705, 429, 694],
    [0.011, -0.007, 0.003, -0.016],
  ],
  [
    6,
    [1166, 308, 206, 279],
    [1224, 427, 1332, 429, 1279, 500, 1231, 530, 1317, 529],
    [0.012, -0.008, -0.008, 0.004],
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
