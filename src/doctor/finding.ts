import { errorMessage } from '../errors.ts';

export type Level = 'ok' | 'warn' | 'fail';

/** One line of the doctor's. */
export interface Finding {
  /** What was looked at, in a word or two. */
  readonly check: string;
  readonly level: Level;
  readonly what: string;
  /** What to do about it. */
  readonly next?: string;
}

export const ok = (check: string, what: string): Finding => ({ check, level: 'ok', what });
export const warn = (check: string, what: string, next: string): Finding => ({
  check,
  level: 'warn',
  what,
  next,
});
export const fail = (check: string, what: string, next: string): Finding => ({
  check,
  level: 'fail',
  what,
  next,
});

/** Of a look that went wrong. Our errors say behind a semicolon what to do. */
export function failure(check: string, error: unknown): Finding {
  const [what = '', ...rest] = errorMessage(error).split('; ');
  return rest.length === 0 ? { check, level: 'fail', what } : fail(check, what, rest.join('; '));
}

/** Runs one check; whatever it throws is its finding. */
export async function examine(
  check: string,
  look: () => Promise<Finding | readonly Finding[]>,
): Promise<readonly Finding[]> {
  try {
    const found = await look();
    return Array.isArray(found) ? found : [found as Finding];
  } catch (error) {
    return [failure(check, error)];
  }
}
