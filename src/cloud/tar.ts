/** A file of an archive. */
export interface TarEntry {
  /** Relative, with `/`. */
  readonly path: string;
  readonly content: Uint8Array;
  readonly isExecutable: boolean;
}

const BLOCK_BYTES = 512;

/**
 * A tar archive (ustar) of files owned by root, without times: the same files make the same bytes, on every machine.
 *
 * @throws RangeError for a path that ustar cannot hold: over 100 bytes behind its last `/` that 155 bytes can precede.
 */
export function tarOf(entries: readonly TarEntry[]): Buffer {
  const parts: Buffer[] = [];
  for (const entry of entries) {
    parts.push(headerOf(entry), Buffer.from(entry.content));
    const rest = entry.content.length % BLOCK_BYTES;
    if (rest > 0) parts.push(Buffer.alloc(BLOCK_BYTES - rest));
  }
  parts.push(Buffer.alloc(2 * BLOCK_BYTES));
  return Buffer.concat(parts);
}

function headerOf({ path, content, isExecutable }: TarEntry): Buffer {
  const header = Buffer.alloc(BLOCK_BYTES);
  const [prefix, name] = split(path);
  const octal = (value: number, width: number) => `${value.toString(8).padStart(width - 1, '0')}\0`;
  header.write(name, 0);
  header.write(octal(isExecutable ? 0o755 : 0o644, 8), 100);
  header.write(octal(0, 8), 108);
  header.write(octal(0, 8), 116);
  header.write(octal(content.length, 12), 124);
  header.write(octal(0, 12), 136);
  // The checksum counts its own field as spaces.
  header.write('        ', 148);
  header.write('0', 156);
  header.write('ustar\x0000', 257);
  header.write(prefix, 345);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return header;
}

function split(path: string): [prefix: string, name: string] {
  if (Buffer.byteLength(path) <= 100) return ['', path];
  for (let at = path.indexOf('/'); at > 0; at = path.indexOf('/', at + 1)) {
    const [prefix, name] = [path.slice(0, at), path.slice(at + 1)];
    if (Buffer.byteLength(name) <= 100 && Buffer.byteLength(prefix) <= 155) return [prefix, name];
  }
  throw new RangeError(`${path} is too long for a tar archive`);
}
