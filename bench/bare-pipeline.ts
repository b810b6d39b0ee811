/** One bare pipeline in a process of its own: recognises pictures from a folder as fast as it can, and says how long it took. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { openRecogniser } from '../src/recognition/index.ts';

const [modelsDir = '', folder = '', count = '0'] = process.argv.slice(2);
await using recogniser = await openRecogniser({
  modelsDir,
  packId: 'fast',
  maxPixels: 40e6,
  smallFaces: false,
});
const pictures = readdirSync(folder).map((name) => readFileSync(join(folder, name)));
for (const picture of pictures.slice(0, 20)) await recogniser.recognise(picture);

process.send?.({ ready: true });
await new Promise((resolve) => process.once('message', resolve));
const before = process.cpuUsage();
for (let index = 0; index < Number(count); index++)
  await recogniser.recognise(pictures[index % pictures.length]!);
const { user, system } = process.cpuUsage(before);
process.send?.({ done: true, cpuMs: (user + system) / 1000 });
process.disconnect?.();
