/**
 * How keys are written in S3. Ordinary ones byte for byte, so that any other client finds `results/….json` and
 * `test_00` under those names. S3 would take most others too, but its XML cannot list control characters, and clients, proxies
 * and compatible services fold `..` and `//`: such keys go, escaped like a URL, below a folder of their own. What was
 * ordinary never begins with that folder, so no two keys meet.
 */
export const ODD_FOLDER = '.odd/';

/** Control characters, and what no XML may hold. */
const UNLISTABLE = /[\p{Cc}\ufffe\uffff]/u;
const TO_ESCAPE = /[%\p{Cc}\ufffe\uffff]/gu;

export function isOdd(key: string): boolean {
  if (UNLISTABLE.test(key) || key.startsWith(ODD_FOLDER)) return true;
  // The last component may be empty: `a/` is how consoles show folders, and clients leave it alone.
  return key.split('/').some((component, index, all) => {
    if (component === '') return index < all.length - 1;
    return component === '.' || component === '..';
  });
}

export function storedKey(key: string): string {
  return isOdd(key) ? ODD_FOLDER + escapeComponents(key) : key;
}

/** The key that is stored under this name; undefined when no key of ours is, because somebody else put it there. */
export function keyOfStored(stored: string): string | undefined {
  if (!stored.startsWith(ODD_FOLDER)) return isOdd(stored) ? undefined : stored;
  try {
    const key = decodeURIComponent(stored.slice(ODD_FOLDER.length));
    return storedKey(key) === stored ? key : undefined;
  } catch (error) {
    if (error instanceof URIError) return undefined;
    throw error;
  }
}

/** Names of odd keys that begin with `prefix` all begin with this. */
export function oddPrefix(prefix: string): string {
  return ODD_FOLDER + escapeComponents(prefix.slice(0, prefix.lastIndexOf('/') + 1));
}

/** Bytes that the key takes as a name in S3, which has room for 1,024. */
export function storedKeyBytes(key: string): number {
  return Buffer.byteLength(storedKey(key));
}

function escapeComponents(key: string): string {
  const components = key.split('/');
  const escaped = components.map((component) => {
    if (component === '.' || component === '..') return component.replaceAll('.', '%2E');
    return component.replaceAll(TO_ESCAPE, encodeURIComponent);
  });
  // Where a component is empty the slash after it is escaped, and joins it to the next one.
  return escaped
    .map((component, index) => {
      if (index === escaped.length - 1) return component;
      return component === '' ? '%2F' : `${component}/`;
    })
    .join('');
}
