import { crc32, deflateRawSync } from 'node:zlib';

export interface ZipEntry {
  readonly name: string;
  readonly content: Buffer;
  /** Default: deflated. */
  readonly isStored?: boolean;
  readonly isEncrypted?: boolean;
  /** As Unix has it, such as 0o120777 for a link. */
  readonly mode?: number;
  /** What the archive claims instead of the truth. */
  readonly claimedSize?: number;
  /** Damage the packed bytes. */
  readonly isBroken?: boolean;
}

/** A ZIP archive, as honest or dishonest as a test wants it. */
export function buildZip(entries: readonly ZipEntry[]): Buffer {
  const bodies: Buffer[] = [];
  const directory: Buffer[] = [];
  let offset = 0;
  for (const entry of entries) {
    const packed = entry.isStored === true ? entry.content : deflateRawSync(entry.content);
    if (entry.isBroken === true) packed.fill(0xff, 0, Math.min(8, packed.length));
    const name = Buffer.from(entry.name);
    const shared = sharedHeader(entry, packed.length, name.length);
    const local = Buffer.concat([numbers(4, 0x04034b50), shared, name]);
    bodies.push(local, packed);
    directory.push(
      Buffer.concat([
        numbers(4, 0x02014b50),
        numbers(2, 0x031e),
        shared,
        // Comment, disk, internal attributes; then mode and where the entry begins.
        numbers(2, 0, 0, 0),
        numbers(4, ((entry.mode ?? 0o100644) << 16) >>> 0, offset),
        name,
      ]),
    );
    offset += local.length + packed.length;
  }
  const index = Buffer.concat(directory);
  const end = Buffer.concat([
    numbers(4, 0x06054b50),
    numbers(2, 0, 0, entries.length, entries.length),
    numbers(4, index.length, offset),
    numbers(2, 0),
  ]);
  return Buffer.concat([...bodies, index, end]);
}

function sharedHeader(
  { content, isStored, isEncrypted, claimedSize }: ZipEntry,
  packedSize: number,
  nameLength: number,
) {
  return Buffer.concat([
    // Version, flags (encrypted, names in UTF-8), method, time and date.
    numbers(2, 20, 0x0800 | (isEncrypted === true ? 1 : 0), isStored === true ? 0 : 8, 0, 0x21),
    numbers(4, crc32(content), packedSize, claimedSize ?? content.length),
    numbers(2, nameLength, 0),
  ]);
}

function numbers(bytes: 2 | 4, ...values: number[]): Buffer {
  const buffer = Buffer.alloc(bytes * values.length);
  for (const [index, value] of values.entries()) buffer.writeUIntLE(value, index * bytes, bytes);
  return buffer;
}
