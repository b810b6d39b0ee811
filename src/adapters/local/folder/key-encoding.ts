import { join } from 'node:path';

/**
 * Keys as paths. A plain lower-case key is its own path (`test_00.jpg`), everything else stays apart from it:
 *
 * - Capital letters become `!` and the small letter, as in Go's module cache: disks of Macs ignore case.
 * - Bytes outside the safe set become `%` and two hex digits: all that is not ASCII (disks normalise it), control
 *   characters, and what some file system or shell reserves. So does a dot at the start of a name (`..`, hidden
 *   files, our own `.tmp`) and a dot or space at its end.
 * - Folders end in `+`, so that `a` and `a/b` can exist side by side.
 * - A component whose name would be too long goes on in a folder that ends in `++`.
 * - An empty component is `+` as a folder and `%` as a file.
 *
 * The names consist of small letters, digits and a few signs, so folding case or normalising Unicode changes none of them.
 */
export interface KeyPath {
  /** Folder names from the bucket downwards. */
  readonly folders: readonly string[];
  readonly file: string;
}

/** File systems end at 255 bytes; this leaves room for an escape at the end and the folder's mark. */
const LONGEST_NAME = 240;
const FOLDER_MARK = '+';
const CONTINUATION_MARK = '++';
const EMPTY_NAME = '%';
const SAFE = new Set('abcdefghijklmnopqrstuvwxyz0123456789-_.,=@()~ ');
/** Components that are their own name, as nearly all are. */
const PLAIN = /^(?!\.)[a-z0-9\-_.,=@()~ ]*[a-z0-9\-_,=@()~]$/;
const ENCODED = /^(?:[a-z0-9\-_.,=@()~ ]|![a-z]|%[0-9a-f]{2})+$/;
const TOKEN = /!([a-z])|%([0-9a-f]{2})|(.)/g;

export function encodeKey(key: string): KeyPath {
  const components = key.split('/');
  const file = encodeComponent(components.pop() ?? '');
  return {
    folders: [...components.flatMap(encodeFolder), ...continuations(file)],
    file: file.at(-1) || EMPTY_NAME,
  };
}

/** The folders below which all keys that start with these components and a slash lie. */
export function encodeFolders(components: readonly string[]): string[] {
  return components.flatMap(encodeFolder);
}

export function joinPath({ folders, file }: KeyPath): string {
  return join(...folders, file);
}

/** What a name in a folder stands for, as UTF-8 bytes in a binary string, which sorts as the bytes do. */
export interface DecodedName {
  readonly kind: 'file' | 'folder' | 'continuation';
  readonly bytes: string;
}

/** Undefined for a name that no key encodes to: something that people, or their tools, left in the folder. */
export function decodeName(name: string, isFolder: boolean): DecodedName | undefined {
  if (!isFolder) {
    const bytes = name === EMPTY_NAME ? '' : decodeText(name);
    return bytes === undefined ? undefined : { kind: 'file', bytes };
  }
  const mark = [CONTINUATION_MARK, FOLDER_MARK].find((ending) => name.endsWith(ending));
  if (mark === undefined) return undefined;
  const text = name.slice(0, -mark.length);
  const bytes = text === '' ? '' : decodeText(text);
  return bytes === undefined ? undefined : { kind: mark === FOLDER_MARK ? 'folder' : 'continuation', bytes };
}

/** The bytes as text; undefined when they are no UTF-8, which no key is. */
export function keyFromBytes(bytes: string): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(Buffer.from(bytes, 'latin1'));
  } catch {
    return undefined;
  }
}

export function keyToBytes(key: string): string {
  return Buffer.from(key).toString('latin1');
}

function encodeFolder(component: string): string[] {
  const names = encodeComponent(component);
  return [...continuations(names), `${names.at(-1)}${FOLDER_MARK}`];
}

function continuations(names: readonly string[]): string[] {
  return names.slice(0, -1).map((name) => `${name}${CONTINUATION_MARK}`);
}

/** One name, or several when one would be too long. */
function encodeComponent(component: string): string[] {
  if (component.length <= LONGEST_NAME && PLAIN.test(component)) return [component];
  const names: string[] = [];
  let name = '';
  for (const byte of Buffer.from(component)) {
    let token = encodeByte(byte, name === '');
    if (name.length + token.length > LONGEST_NAME) {
      names.push(name);
      name = '';
      token = encodeByte(byte, true);
    }
    name += token;
  }
  names.push(/[. ]$/.test(name) ? name.slice(0, -1) + escapeByte(name.charCodeAt(name.length - 1)) : name);
  return names;
}

function encodeByte(byte: number, isFirst: boolean): string {
  const character = String.fromCharCode(byte);
  if (character >= 'A' && character <= 'Z') return `!${character.toLowerCase()}`;
  return SAFE.has(character) && !(isFirst && character === '.') ? character : escapeByte(byte);
}

function escapeByte(byte: number): string {
  return `%${byte.toString(16).padStart(2, '0')}`;
}

function decodeText(text: string): string | undefined {
  if (!ENCODED.test(text)) return undefined;
  // Nearly every key is its own name, and a folder may hold a hundred thousand.
  if (!text.includes('!') && !text.includes('%')) return text;
  return text.replaceAll(TOKEN, (_, capital?: string, hex?: string, plain?: string) => {
    if (capital !== undefined) return capital.toUpperCase();
    return hex === undefined ? (plain ?? '') : String.fromCharCode(Number.parseInt(hex, 16));
  });
}
