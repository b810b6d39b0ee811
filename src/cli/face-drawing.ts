import sharp from 'sharp';
import type { Face } from '../recognition/index.ts';

const COLOURS = ['#00e676', '#ffea00', '#00b0ff', '#ff4081', '#ff9100'];

/** Draws boxes and landmarks over the upright picture; the file's ending says its format. */
export async function drawFaces(
  picture: Uint8Array,
  { width, height, faces }: { width: number; height: number; faces: readonly Face[] },
  path: string,
): Promise<void> {
  const lineWidth = Math.max(1, Math.round(Math.max(width, height) / 500));
  const shapes = faces.map((face, index) => faceShapes(face, COLOURS[index % COLOURS.length]!, lineWidth));
  const overlay = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}">${shapes.join('')}</svg>`;
  await sharp(picture)
    .autoOrient()
    .composite([{ input: Buffer.from(overlay), left: 0, top: 0 }])
    .toFile(path);
}

function faceShapes({ box, landmarks }: Face, colour: string, lineWidth: number): string {
  const radius = Math.max(lineWidth, box.width / 40);
  const dots = landmarks.map(({ x, y }) => `<circle cx="${x}" cy="${y}" r="${radius}" fill="${colour}"/>`);
  return (
    `<rect x="${box.x}" y="${box.y}" width="${box.width}" height="${box.height}" fill="none" ` +
    `stroke="${colour}" stroke-width="${lineWidth}"/>${dots.join('')}`
  );
}
