import type { Command } from 'commander';
import type { Face, RecognisedPicture } from '../../recognition/index.ts';
import { examples, type Verb } from '../command.ts';
import { drawFaces } from '../face-drawing.ts';
import { forPicture, recogniserOf, withRecognitionSettings } from '../recognition.ts';

interface Options {
  readonly draw?: string;
  readonly json?: boolean;
}

const verb: Verb = {
  define(command) {
    command
      .argument('<picture>', 'jpeg, png, webp, avif, gif or tiff')
      .option('--draw <file>', 'write the picture with boxes and landmarks drawn in')
      .option('--json', 'as one JSON object')
      .action(detect);
    withRecognitionSettings(command);
    examples(command, [
      ['facefleet detect group.jpg', 'how many faces, where, how good'],
      ['facefleet detect group.jpg --draw found.png', 'and see them'],
      ['facefleet detect group.jpg --json | jq .faces[0].box', 'for a program to read'],
    ]);
  },
};
export default verb;

async function detect(path: string, options: Options, self: Command): Promise<void> {
  const { recogniser } = await recogniserOf(self);
  await using _ = recogniser;
  await forPicture(path, async (bytes) => {
    const found = await recogniser.recognise(bytes);
    if (options.draw !== undefined) await drawFaces(bytes, found, options.draw);
    process.stdout.write(options.json ? `${JSON.stringify(asJson(path, found))}\n` : asText(path, found));
  });
}

function asJson(file: string, { faces, ...picture }: RecognisedPicture) {
  const withoutEmbeddings = faces.map(({ embedding: _, ...face }) => face);
  return { file, ...picture, faces: withoutEmbeddings };
}

function asText(file: string, picture: RecognisedPicture): string {
  const { width, height, format, faces, facesCut } = picture;
  const count = faces.length === 1 ? '1 face' : `${faces.length} faces`;
  const cut = facesCut > 0 ? `, and ${facesCut} smaller ones cut off` : '';
  return [`${file}: ${format}, ${width} x ${height}, ${count}${cut}`, ...faces.map(faceLine), ''].join('\n');
}

function faceLine({ box, detectionScore, quality }: Face, index: number): string {
  const at = `${Math.round(box.width)} x ${Math.round(box.height)} px at ${Math.round(box.x)},${Math.round(box.y)}`;
  const pose = `yaw ${Math.round(quality.yawDegrees)}°, roll ${Math.round(quality.rollDegrees)}°`;
  return `${String(index + 1).padStart(3)}  ${at.padEnd(24)}  score ${detectionScore.toFixed(2)}  quality ${quality.overall.toFixed(2)}  ${pose}`;
}
