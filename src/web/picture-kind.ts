/** The first bytes of everything that the recogniser reads; `null` is any byte. */
const SIGNATURES: readonly (readonly (number | null)[])[] = [
  [0xff, 0xd8, 0xff],
  [...bytesOf('\x89PNG\r\n\x1a\n')],
  [...bytesOf('GIF8')],
  [...bytesOf('RIFF'), null, null, null, null, ...bytesOf('WEBP')],
  [null, null, null, null, ...bytesOf('ftyp')],
  [...bytesOf('II*\0')],
  [...bytesOf('MM\0*')],
  [...bytesOf('II+\0')],
  [...bytesOf('MM\0+')],
];

/** Whether the bytes begin as a JPEG, PNG, GIF, WebP, AVIF or TIFF does. The worker decides; this spares it the rest. */
export function looksLikePicture(head: Uint8Array): boolean {
  return SIGNATURES.some((signature) =>
    signature.every((byte, index) => (byte === null ? index < head.length : head[index] === byte)),
  );
}

function bytesOf(text: string): number[] {
  return [...Buffer.from(text, 'latin1')];
}
