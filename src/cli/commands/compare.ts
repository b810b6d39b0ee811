import { type Command, InvalidArgumentError } from 'commander';
import { type Face, judge, type Recogniser, type Verdict } from '../../recognition/index.ts';
import { examples, type Verb } from '../command.ts';
import { forPicture, recogniserOf, withRecognitionSettings } from '../recognition.ts';

interface Options {
  readonly fmr: number;
  readonly json?: boolean;
}

/** Below this a face tells people apart noticeably worse. */
const SMALL_FACE_PX = 40;

const verb: Verb = {
  define(command) {
    command
      .argument('<picture>', 'the largest face of this one')
      .argument('<other>', 'against the largest face of this one')
      .option('--fmr <rate>', 'how often two strangers may pass for one person', rateOf, 1e-4)
      .option('--json', 'as one JSON object')
      .action(compare);
    withRecognitionSettings(command);
    examples(command, [
      ['facefleet compare passport.jpg selfie.jpg', 'one person?'],
      ['facefleet compare a.jpg b.jpg --fmr 1e-6 --pack accurate', 'more sure of it'],
      ['facefleet compare a.jpg b.jpg --json | jq .isSamePerson', 'for a program to read'],
    ]);
    command.addHelpText('after', '\nExits with 0 whatever the verdict, 1 when a picture shows no face.');
  },
};
export default verb;

async function compare(path: string, other: string, options: Options, self: Command): Promise<void> {
  const { pack, recogniser } = await recogniserOf(self);
  await using _ = recogniser;
  const faces = [await largestFace(recogniser, path), await largestFace(recogniser, other)] as const;
  const verdict = judge(faces, { thresholds: pack.thresholds, falseMatchRate: options.fmr });
  const notes = notesOn([path, other], faces, verdict);
  if (options.json) {
    const sizes = faces.map(({ box, quality }) => ({ box, quality }));
    process.stdout.write(
      `${JSON.stringify({ ...verdict, packId: recogniser.packId, faces: sizes, notes })}\n`,
    );
    return;
  }
  process.stdout.write(asText(verdict, recogniser.packId));
  for (const note of notes) process.stderr.write(`note: ${note}\n`);
}

function largestFace(recogniser: Recogniser, path: string): Promise<Face> {
  return forPicture(path, async (bytes) => {
    const [largest] = (await recogniser.recognise(bytes)).faces;
    if (largest === undefined) throw new Error('no face found, expected one at least');
    return largest;
  });
}

function notesOn(
  paths: readonly string[],
  faces: readonly Face[],
  { falseMatchRate, isExtrapolated }: Verdict,
): string[] {
  const notes = faces.flatMap(({ quality }, index) =>
    quality.sizePx < SMALL_FACE_PX
      ? [
          `the face in ${paths[index]} is ${Math.round(quality.sizePx)} px wide; below ${SMALL_FACE_PX} px one person is often taken for two`,
        ]
      : [],
  );
  if (isExtrapolated) {
    notes.push(
      `no threshold was measured at a false match rate of ${falseMatchRate}; this one errs on the strict side`,
    );
  }
  return notes;
}

function asText(verdict: Verdict, packId: string): string {
  const { isSamePerson, similarity, threshold, falseMatchRate } = verdict;
  return (
    `${isSamePerson ? 'one person' : 'two people'}: similarity ${similarity.toFixed(3)}, ` +
    `${isSamePerson ? 'at or above' : 'below'} the threshold ${threshold.toFixed(3)} ` +
    `(false match rate ${falseMatchRate}, pack ${packId})\n`
  );
}

function rateOf(text: string): number {
  const rate = Number(text);
  if (text.trim() !== '' && rate > 0 && rate < 1) return rate;
  throw new InvalidArgumentError('Expected a number above 0 and below 1, such as 1e-4.');
}
