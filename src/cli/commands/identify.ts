import { type Command, InvalidArgumentError } from 'commander';
import type { LoadedConfig } from '../../config.ts';
import { FacefleetError } from '../../errors.ts';
import { Gallery, type GalleryOptions, type MatchOutcome, openGalleryReplica } from '../../gallery/index.ts';
import { attachOrHost } from '../../hosting.ts';
import type { Face } from '../../recognition/index.ts';
import { configOf, examples, type Verb, withSettings } from '../command.ts';
import { counted, printable } from '../output.ts';
import { forPicture, recogniserOf, withRecognitionSettings } from '../recognition.ts';

interface Options {
  readonly top: number;
  readonly json?: boolean;
}

const verb: Verb = {
  define(command) {
    command
      .argument('<pictures...>', 'jpeg, png, webp, avif, gif or tiff')
      .option('--top <n>', 'candidates to show for each face', topOf, 3)
      .option('--json', 'one JSON object a picture and line')
      .action(identify);
    withRecognitionSettings(command);
    withSettings(command, ['falsePositiveRate', 'on', 'prefix', 'awsRegion', 'awsProfile']);
    examples(command, [
      ['facefleet identify party.jpg', 'who is on it, face by face, the largest first'],
      ['facefleet identify door.jpg --fpir 0.001', 'let only one stranger in a thousand have a name'],
      ['facefleet identify party.jpg --json | jq -r ".faces[].person.name"', 'for a program to read'],
    ]);
    command.addHelpText(
      'after',
      '\nExits with 0 whoever it is, 1 when a picture cannot be read, 2 called wrongly.',
    );
  },
};
export default verb;

interface Answer extends MatchOutcome {
  readonly face: Face;
}

async function identify(paths: string[], options: Options, self: Command): Promise<void> {
  const loaded = configOf(self);
  await using deployment = await attachOrHost(loaded, 'identify', { needsWorker: false });
  const { state, clock, logger } = deployment;
  const { pack, recogniser } = await recogniserOf(self, await answeringPack(loaded, { state, clock }));
  await using _ = recogniser;
  const { id: packId, thresholds } = pack;
  await using replica = await openGalleryReplica({ state, packId, thresholds, logger, inThread: false });
  if (replica.people === 0) process.stderr.write('note: the gallery is empty; `facefleet enroll` fills it\n');
  const { falsePositiveRate } = loaded.config;
  for (const path of paths) {
    await forPicture(path, async (bytes) => {
      const { faces } = await recogniser.recognise(bytes);
      const probes = faces.map(({ embedding, quality }) => ({ embedding, sizePx: quality.sizePx }));
      const outcomes = await replica.match(probes, { falsePositiveRate, topK: options.top });
      const answers = faces.map((face, at) => ({ face, ...outcomes[at]! }));
      const facts = { file: path, packId, galleryVersion: replica.version };
      process.stdout.write(
        options.json ? `${JSON.stringify(asJson(facts, answers))}\n` : asText(path, answers),
      );
    });
  }
}

/** As workers do it: the gallery's pack before any setting. But what was typed is meant. */
async function answeringPack(
  { config, sources }: LoadedConfig,
  options: GalleryOptions,
): Promise<string | undefined> {
  const answering = await new Gallery(options).activePack();
  if (answering === undefined || sources.pack !== 'flag' || config.pack === answering) return answering;
  throw new FacefleetError(
    'conflict',
    `the gallery has faces of the pack ${answering}, not of ${config.pack}; \`facefleet models use ${config.pack}\` changes that`,
  );
}

function asJson(facts: object, answers: readonly Answer[]) {
  const faces = answers.map(({ face: { embedding: _, ...face }, ...outcome }) => ({ ...face, ...outcome }));
  return { ...facts, faces };
}

function asText(path: string, answers: readonly Answer[]): string {
  return [`${path}: ${counted(answers.length, 'face')}`, ...answers.flatMap(faceLines), ''].join('\n');
}

function faceLines(answer: Answer, index: number): string[] {
  const { face, person, similarity, threshold, candidates } = answer;
  const { x, y, width, height } = face.box;
  const at = `${Math.round(width)} x ${Math.round(height)} px at ${Math.round(x)},${Math.round(y)}`;
  const name = person === null ? 'unknown' : printable(person.name);
  const figures =
    similarity === null || threshold === null
      ? ''
      : `  similarity ${similarity.toFixed(3)}, needs ${threshold.toFixed(3)}`;
  const others = candidates.filter(({ personId }) => personId !== person?.id);
  const nearest = others.map((one) => `${printable(one.name)} ${one.similarity.toFixed(3)}`).join(', ');
  const line = `${String(index + 1).padStart(3)}  ${name.padEnd(24)}  ${at.padEnd(24)}${figures}`;
  return nearest === '' ? [line] : [line, `     ${person === null ? 'nearest' : 'then'}: ${nearest}`];
}

function topOf(text: string): number {
  const top = Number(text);
  if (Number.isInteger(top) && top >= 1 && top <= 100) return top;
  throw new InvalidArgumentError('Expected a whole number from 1 to 100.');
}
