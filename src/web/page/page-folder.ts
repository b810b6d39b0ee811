import { createHash } from 'node:crypto';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Sources of the page, relative to the package's root, sorted; none when the package came without them. */
export function pageSources(root: string): string[] {
  if (!existsSync(join(root, 'src', 'ui'))) return [];
  return globSync('src/ui/**/*', { cwd: root, withFileTypes: true })
    .filter((entry) => entry.isFile() && !entry.name.endsWith('.test.ts'))
    .map((entry) => join(entry.parentPath, entry.name).slice(root.length + 1))
    .sort();
}

/**
 * Where the page that is built from the present sources lies, whether or not it has been built: `dist/ui/<hash>`. The
 * name tells that it is up to date, which no file time could after a checkout or an unpacking. Undefined without sources.
 */
export function pageFolder(root: string): string | undefined {
  const sources = pageSources(root);
  if (sources.length === 0) return undefined;
  const hash = createHash('sha256');
  for (const source of sources) {
    const bytes = readFileSync(join(root, source));
    hash.update(`${source} ${bytes.length}\n`).update(bytes);
  }
  return join(root, 'dist', 'ui', hash.digest('hex').slice(0, 16));
}
