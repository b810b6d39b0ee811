const BY_EXTENSION: Readonly<Record<string, string>> = {
  avif: 'image/avif',
  csv: 'text/csv',
  gif: 'image/gif',
  jpeg: 'image/jpeg',
  jpg: 'image/jpeg',
  json: 'application/json',
  png: 'image/png',
  tif: 'image/tiff',
  tiff: 'image/tiff',
  txt: 'text/plain',
  webp: 'image/webp',
};

/** What stands at which offset of a file. */
const SIGNATURES: readonly (readonly [
  contentType: string,
  ...parts: (readonly [at: number, hex: string])[],
])[] = [
  ['image/jpeg', [0, 'ffd8ff']],
  ['image/png', [0, '89504e470d0a1a0a']],
  ['image/gif', [0, '47494638']],
  ['image/webp', [0, '52494646'], [8, '57454250']],
  ['image/tiff', [0, '49492a00']],
  ['image/tiff', [0, '4d4d002a']],
  ['image/avif', [4, '6674797061766966']],
  ['image/avif', [4, '6674797061766973']],
];

/** How many bytes of the body `guessContentType` looks at. */
export const SNIFFED_BYTES = 256;

/** The content type that a key tells by its extension. */
export function contentTypeOfKey(key: string): string | undefined {
  const extension = /\.([a-z]+)$/i.exec(key)?.[1]?.toLowerCase() ?? '';
  return Object.hasOwn(BY_EXTENSION, extension) ? BY_EXTENSION[extension] : undefined;
}

/** What a file would be taken for that came without a content type: by its name, else by its first bytes. */
export function guessContentType(key: string, firstBytes: Buffer): string {
  const known = contentTypeOfKey(key);
  if (known !== undefined) return known;
  const hex = firstBytes.subarray(0, SNIFFED_BYTES).toString('hex');
  const signature = SIGNATURES.find(([, ...parts]) =>
    parts.every(([at, part]) => hex.startsWith(part, at * 2)),
  );
  if (signature !== undefined) return signature[0];
  return isText(firstBytes) ? 'text/plain' : 'application/octet-stream';
}

/** UTF-8 without control characters; a character that the limit cut in two is let pass. */
function isText(firstBytes: Buffer): boolean {
  if (firstBytes.length === 0) return false;
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(firstBytes, { stream: true });
    return !/[^\P{Cc}\t\n\r]/u.test(text);
  } catch {
    return false;
  }
}
