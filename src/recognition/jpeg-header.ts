const APP1 = 0xe1;
const START_OF_SCAN = 0xda;

/**
 * Size of a JPEG that carries nothing in its header that turns or changes the picture (no EXIF, no gain map), read from its
 * bytes. Undefined for any other: then the decoder is asked, which costs as much as decoding a small picture.
 */
export function plainJpegSize(bytes: Uint8Array): { width: number; height: number } | undefined {
  if (bytes[0] !== 0xff || bytes[1] !== 0xd8) return undefined;
  const twoBytes = (at: number) => (bytes[at]! << 8) | bytes[at + 1]!;
  for (let at = 2; at + 8 < bytes.length; at += 2 + twoBytes(at + 2)) {
    const marker = bytes[at + 1]!;
    if (bytes[at] !== 0xff || marker === APP1 || marker === START_OF_SCAN) return undefined;
    if (isFrameHeader(marker)) return { width: twoBytes(at + 7), height: twoBytes(at + 5) };
  }
  return undefined;
}

/** SOF0 to SOF15, without the tables that lie between them: DHT, JPG, DAC. */
function isFrameHeader(marker: number): boolean {
  return marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc;
}
