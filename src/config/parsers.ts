import { resolve } from 'node:path';

export const text = (pattern: RegExp, expected: string) => (value: string) => {
  if (!pattern.test(value)) throw new Error(expected);
  return value;
};

export const number =
  (
    { min, max, unit = '', integer = true }: { min: number; max: number; unit?: string; integer?: boolean },
    scale = 1,
  ) =>
  (value: string): number => {
    const parsed = Number(value);
    const usable = value.trim() !== '' && Number.isFinite(parsed) && (!integer || Number.isInteger(parsed));
    if (!usable || parsed < min || parsed > max) {
      throw new Error(
        `${integer ? 'a whole number' : 'a number'} from ${min} to ${max}${unit && ` ${unit}`}`,
      );
    }
    return parsed * scale;
  };

export const flag = (value: string): boolean => {
  if (['1', 'true', 'yes', 'on'].includes(value.toLowerCase())) return true;
  if (['0', 'false', 'no', 'off', ''].includes(value.toLowerCase())) return false;
  throw new Error('true or false');
};

export const oneOf =
  <T extends string>(...words: readonly T[]) =>
  (value: string): T => {
    const word = words.find((candidate) => candidate === value);
    if (word === undefined) throw new Error(`one of ${words.join(', ')}`);
    return word;
  };

export const list = (value: string): readonly string[] =>
  value
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '');

export const listOf =
  (pattern: RegExp, expected: string) =>
  (value: string): readonly string[] =>
    list(value).map(text(pattern, expected));

export function file(value: string): string {
  return resolve(text(/./, 'a file')(value));
}

export function httpUrl(value: string): string {
  const url = URL.parse(value);
  if (url === null || !/^https?:$/.test(url.protocol) || url.search !== '' || url.hash !== '') {
    throw new Error('a URL such as http://127.0.0.1:9000');
  }
  return value;
}
