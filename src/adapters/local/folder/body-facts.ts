import { crc32 } from 'node:zlib';

/** What is known of a body beyond what the body itself tells. */
export interface BodyFacts {
  readonly contentType?: string;
  readonly metadata?: Readonly<Record<string, string>>;
}

/** Facts as they were found, and how long the body before them is. */
export interface FoundFacts {
  readonly facts: BodyFacts;
  readonly sizeBytes: number;
}

/**
 * Facts stand behind the body, in the same file: JSON, then this footer.
 *
 * ```
 *   body | JSON | mark (12 bytes) | format (1) | zero (3) | length of the JSON (4) | CRC-32 of the JSON (4)
 * ```
 */
const MARK = Buffer.from('ff0d46466163740a1a00c39e', 'hex');
const FORMAT = 1;
export const FOOTER_BYTES = MARK.length + 12;
/** Facts nearly always fit into so much of a file's end. */
export const TAIL_BYTES = 1024;

export function encodeFacts(facts: BodyFacts): Buffer {
  const json = Buffer.from(JSON.stringify(facts));
  const footer = Buffer.alloc(FOOTER_BYTES);
  MARK.copy(footer);
  footer.writeUInt8(FORMAT, MARK.length);
  footer.writeUInt32BE(json.length, MARK.length + 4);
  footer.writeUInt32BE(crc32(json), MARK.length + 8);
  return Buffer.concat([json, footer]);
}

/** Whether bytes end as facts do. A body of its own that does needs facts behind it, be they empty. */
export function endsLikeFacts(end: Uint8Array): boolean {
  const at = end.length - FOOTER_BYTES;
  return at >= 0 && MARK.equals(end.subarray(at, at + MARK.length));
}

/**
 * What a file of `fileBytes` whose last bytes are `tail` says of its body. Undefined: it has no facts. A number: so much of
 * the file's end is needed to tell.
 */
export function decodeFacts(tail: Buffer, fileBytes: number): FoundFacts | number | undefined {
  if (!endsLikeFacts(tail)) return undefined;
  const footer = tail.subarray(-FOOTER_BYTES);
  const jsonBytes = footer.readUInt32BE(MARK.length + 4);
  const neededBytes = jsonBytes + FOOTER_BYTES;
  if (footer.readUInt8(MARK.length) !== FORMAT || neededBytes > fileBytes) return undefined;
  if (neededBytes > tail.length) return neededBytes;
  const json = tail.subarray(tail.length - neededBytes, tail.length - FOOTER_BYTES);
  if (crc32(json) !== footer.readUInt32BE(MARK.length + 8)) return undefined;
  const facts = parseFacts(json);
  return facts && { facts, sizeBytes: fileBytes - neededBytes };
}

/** Undefined for what no store has written: the file was made elsewhere and dropped into the folder. */
function parseFacts(json: Buffer): BodyFacts | undefined {
  try {
    const value: unknown = JSON.parse(json.toString('utf8'));
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
