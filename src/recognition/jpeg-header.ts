const APP1 = 0xe1;

/**
 * Size of a JPEG that carries nothing in its header that turns or changes the picture (no EXIF, no gain map), read from its
 * bytes. Undefined for any other: then the decoder is asked, which costs as much as decoding a small picture.
 */
export function plainJpegSize(bytes: Uint8Array): { width: number; height: number } | undefined {
  if (bytes[0] !== 0xff || bytes[1] !== 0xd8) return undefined;
  const twoBytes = (at: number) => (bytes[at]! << 8) | bytes[at + 1]!;
  for (let at = 2; at + 8 < bytes.length; at += 2 + twoBytes(at + 2)) {
    const marker = bytes[at + 1]!;
    if (bytes[at] !== 0xff || !hasLength(marker) || marker === APP1) return undefined;
    if (isFrameHeader(marker)) return { width: twoBytes(at + 7), height: twoBytes(at + 5) };
  }
  return undefined;
}

/** Of those that may come before the frame header; filling bytes and markers that stand alone are left to the decoder. */
function hasLength(marker: number): boolean {
  return (marker >= 0xdb && marker <= 0xfe) || (marker >= 0xc0 && marker <= 0xcf);
}

/** SOF0 to SOF15, without the tables that lie between them: DHT, JPG, DAC. */
function isFrameHeader(marker: number): boolean {
  return marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc;
}
