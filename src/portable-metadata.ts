/**
 * Object metadata travels in HTTP headers, which hold printable ASCII; S3 takes 2 KB of it. Other text is written in
 * base64 behind a marker, in every store alike, so that what fits in one fits in all.
 */
const MARKER = 'base64:';

/** 64 bytes less than S3 allows: its adapter notes which write it was. */
export const MAX_METADATA_BYTES = 1984;

/** Any text as printable ASCII; ordinary text as it is. No two texts give the same. */
export function encodeMetadataValue(value: string): string {
  // Spaces at the ends get lost on the way, and so do empty headers.
  const isPlain = /^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/.test(value) && !value.startsWith(MARKER);
  return isPlain ? value : MARKER + Buffer.from(value).toString('base64');
}

export function decodeMetadataValue(encoded: string): string {
  if (!encoded.startsWith(MARKER)) return encoded;
  return Buffer.from(encoded.slice(MARKER.length), 'base64').toString('utf8');
}

/** What the metadata takes of `MAX_METADATA_BYTES`. */
export function metadataBytes(metadata: Readonly<Record<string, string>>): number {
  let bytes = 0;
  for (const [name, value] of Object.entries(metadata))
    bytes += name.length + encodeMetadataValue(value).length;
  return bytes;
}
