import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative, sep } from 'node:path';

export type PageEncoding = 'br' | 'gzip' | 'identity';

/** One file of the page, in every form that was built. */
export interface PageFile {
  readonly type: string;
  readonly etag: string;
  /** Its name changes with its content, so a browser may keep it for good. */
  readonly isHashed: boolean;
  readonly bodies: ReadonlyMap<PageEncoding, Buffer>;
}

/** By path below the page's folder, with slashes: `index.html`, `assets/main-3f2a91c0.js`. */
export type PageFiles = ReadonlyMap<string, PageFile>;

const TYPES: Readonly<Record<string, string>> = {
  html: 'text/html; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
  css: 'text/css; charset=utf-8',
  svg: 'image/svg+xml',
  jpg: 'image/jpeg',
};
const COMPRESSED: readonly (readonly [suffix: string, encoding: PageEncoding])[] = [
  ['.br', 'br'],
  ['.gz', 'gzip'],
];

/** Reads a built page into memory: a few hundred kilobytes, so that serving it touches no disk. */
export function readPageFiles(folder: string): PageFiles {
  const bodies = new Map<string, Map<PageEncoding, Buffer>>();
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const file = join(entry.parentPath, entry.name);
    const [path, encoding] = nameOf(relative(folder, file).split(sep).join('/'));
    const forms = bodies.get(path) ?? new Map<PageEncoding, Buffer>();
    bodies.set(path, forms.set(encoding, readFileSync(file)));
  }
  return new Map([...bodies].map(([path, forms]) => [path, toFile(path, forms)]));
}

function nameOf(file: string): [path: string, encoding: PageEncoding] {
  for (const [suffix, encoding] of COMPRESSED) {
    if (file.endsWith(suffix)) return [file.slice(0, -suffix.length), encoding];
  }
  return [file, 'identity'];
}

function toFile(path: string, bodies: ReadonlyMap<PageEncoding, Buffer>): PageFile {
  const identity = bodies.get('identity') ?? Buffer.alloc(0);
  const digest = createHash('sha256').update(identity).digest('base64url').slice(0, 22);
  return {
    type: TYPES[path.split('.').at(-1) ?? ''] ?? 'application/octet-stream',
    etag: `"${digest}"`,
    isHashed: path.startsWith('assets/'),
    bodies,
  };
}
