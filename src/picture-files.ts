import { extname } from 'node:path';

const CONTENT_TYPES: Readonly<Record<string, string>> = {
  '.avif': 'image/avif',
  '.gif': 'image/gif',
  '.jpeg': 'image/jpeg',
  '.jpg': 'image/jpeg',
  '.png': 'image/png',
  '.tif': 'image/tiff',
  '.tiff': 'image/tiff',
  '.webp': 'image/webp',
};

/** Of the formats that we read, with the dot. */
export const PICTURE_EXTENSIONS: readonly string[] = Object.keys(CONTENT_TYPES);

/** What a file is called to be; undefined when it is not called a picture. What it is its bytes tell. */
export function contentTypeOf(fileName: string): string | undefined {
  return CONTENT_TYPES[extname(fileName).toLowerCase()];
}
