import { ModelError } from './errors.ts';

interface TextRule {
  readonly pattern?: RegExp;
  readonly expected?: string;
}

interface NumberRule {
  readonly min: number;
  readonly max: number;
  readonly expected: string;
}

/** Takes the fields of a manifest one by one and gathers what is wrong with them, so that its author hears everything at once. */
export class ManifestFields {
  readonly #where: string;
  readonly #left: Map<string, unknown>;
  readonly #problems: string[] = [];

  private constructor(where: string, fields: object) {
    this.#where = where;
    this.#left = new Map(Object.entries(fields));
  }

  /** @throws ModelError when the text is no JSON object. */
  static parse(text: string, where: string): ManifestFields {
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch (cause) {
      throw new ModelError(`${where} is not JSON: ${String(cause)}`, { cause });
    }
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      throw new ModelError(`${where} holds ${JSON.stringify(value).slice(0, 40)}, expected a JSON object`);
    }
    return new ManifestFields(where, value);
  }

  /** The raw value; undefined when it is absent. */
  take(name: string): unknown {
    const value = this.#left.get(name);
    this.#left.delete(name);
    return value ?? undefined;
  }

  complain(name: string, value: unknown, expected: string): void {
    const shown = value === undefined ? 'missing' : JSON.stringify(value).slice(0, 80);
    this.#problems.push(`${name} is ${shown}, expected ${expected}`);
  }

  /** A text that must be there, unless it has a fallback; the empty text after a complaint. */
  text(name: string, rule: TextRule & { readonly fallback?: string }): string {
    const value = this.optionalText(name, rule);
    if (value !== undefined) return value;
    if (rule.fallback === undefined && !this.#complainedOf(name)) {
      this.complain(name, undefined, rule.expected ?? 'a text');
    }
    return rule.fallback ?? '';
  }

  optionalText(name: string, { pattern = /./, expected = 'a text' }: TextRule): string | undefined {
    const value = this.take(name);
    if (value === undefined) return undefined;
    if (typeof value === 'string' && pattern.test(value)) return value;
    this.complain(name, value, expected);
    return undefined;
  }

  /** A whole number that must be there. */
  number(name: string, rule: NumberRule): void {
    if (!this.#left.has(name)) this.complain(name, undefined, rule.expected);
    this.optionalNumber(name, rule);
  }

  optionalNumber(name: string, { min, max, expected }: NumberRule): number | undefined {
    const value = this.take(name);
    if (value === undefined) return undefined;
    if (typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max) return value;
    this.complain(name, value, expected);
    return undefined;
  }

  positive(name: string): number | undefined {
    const value = this.take(name);
    if (value === undefined) return undefined;
    if (typeof value === 'number' && Number.isFinite(value) && value > 0) return value;
    this.complain(name, value, 'a number above 0');
    return undefined;
  }

  flag(name: string): boolean | undefined {
    const value = this.take(name);
    if (value === undefined || typeof value === 'boolean') return value;
    this.complain(name, value, 'true or false');
    return undefined;
  }

  oneOf<Word extends string>(name: string, words: readonly Word[], fallback: Word): Word {
    const value = this.take(name);
    if (value === undefined) return fallback;
    const word = words.find((one) => one === value);
    if (word === undefined) this.complain(name, value, `one of ${words.join(', ')}`);
    return word ?? fallback;
  }

  /** @throws ModelError when anything was wrong, or a field is left that nobody knows. */
  finish(): void {
    for (const name of this.#left.keys()) this.#problems.push(`${name} is no field of a manifest`);
    if (this.#problems.length === 0) return;
    const count = this.#problems.length === 1 ? 'a problem' : `${this.#problems.length} problems`;
    throw new ModelError(
      `${this.#where} has ${count}:\n${this.#problems.map((line) => `  - ${line}`).join('\n')}`,
    );
  }

  #complainedOf(name: string): boolean {
    return this.#problems.some((line) => line.startsWith(`${name} is `));
  }
}
