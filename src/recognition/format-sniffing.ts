/** What the first bytes of a file say it is. */
export type SniffedFormat =
  | { readonly kind: 'readable'; readonly format: PictureFormat }
  | { readonly kind: 'known'; readonly name: string }
  | { readonly kind: 'unknown' };

/** The formats that are read; nothing else reaches a decoder. */
export const PICTURE_FORMATS = ['jpeg', 'png', 'webp', 'avif', 'gif', 'tiff'] as const;
export type PictureFormat = (typeof PICTURE_FORMATS)[number];

interface Signature {
  readonly name: string;
  readonly matches: (head: string) => boolean;
}

const READABLE: readonly (Signature & { readonly name: PictureFormat })[] = [
  { name: 'jpeg', matches: (head) => head.startsWith('\xff\xd8\xff') },
  { name: 'png', matches: (head) => head.startsWith('\x89PNG\r\n\x1a\n') },
  { name: 'webp', matches: (head) => head.startsWith('RIFF') && head.slice(8, 12) === 'WEBP' },
  { name: 'avif', matches: (head) => isIsoMedia(head, /avif|avis/) },
  { name: 'gif', matches: (head) => /^GIF8[79]a/.test(head) },
  { name: 'tiff', matches: (head) => /^(II[*+]\0|MM\0[*+])/.test(head) },
];

/** Not read, but worth naming in the answer. */
const KNOWN: readonly Signature[] = [
  { name: 'HTML', matches: (head) => /^\s*<(!DOCTYPE html|html)/i.test(head) },
  { name: 'SVG', matches: (head) => /^(\xef\xbb\xbf)?\s*<[\s\S]*<?svg[\s>]/i.test(head) },
  { name: 'HEIC', matches: (head) => isIsoMedia(head, /hei[cmsx]|hev[cx]|mif1|msf1/) },
  { name: 'PDF', matches: (head) => head.startsWith('%PDF-') },
  { name: 'BMP', matches: (head) => head.startsWith('BM') && head.slice(6, 10) === '\0\0\0\0' },
  { name: 'ICO', matches: (head) => head.startsWith('\0\0\x01\0') },
  { name: 'PSD', matches: (head) => head.startsWith('8BPS') },
  { name: 'JPEG XL', matches: (head) => head.startsWith('\xff\x0a') || head.slice(4, 8) === 'JXL ' },
  {
    name: 'JPEG 2000',
    matches: (head) => head.slice(4, 8) === 'jP  ' || head.startsWith('\xff\x4f\xff\x51'),
  },
  { name: 'ZIP', matches: (head) => head.startsWith('PK\x03\x04') },
];

/** Decoders are reached by what a file is, never by its name or declared type; so this looks at its first bytes. */
export function sniffFormat(bytes: Uint8Array): SniffedFormat {
  const head = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.byteLength, 512)).toString(
    'latin1',
  );
  const readable = READABLE.find((signature) => signature.matches(head));
  if (readable !== undefined) return { kind: 'readable', format: readable.name };
  const known = KNOWN.find((signature) => signature.matches(head));
  return known === undefined ? { kind: 'unknown' } : { kind: 'known', name: known.name };
}

/** ISO base media: a `ftyp` box, in which one of the brands is looked for. */
function isIsoMedia(head: string, brands: RegExp): boolean {
  if (head.slice(4, 8) !== 'ftyp') return false;
  const boxLength = Buffer.from(head.slice(0, 4), 'latin1').readUInt32BE();
  return brands.test(head.slice(8, Math.min(boxLength, head.length)));
}
