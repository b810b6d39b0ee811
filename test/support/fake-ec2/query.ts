import { Ec2Error } from './ec2-error.ts';

/**
 * The parameters of one call as EC2's query protocol writes them: `Filter.1.Value.2`, lists counted from 1. Remembers
 * what was read, since EC2 refuses a parameter that it does not know.
 */
export class Query {
  readonly #values: ReadonlyMap<string, string>;
  readonly #prefix: string;
  readonly #read: Set<string>;

  private constructor(values: ReadonlyMap<string, string>, prefix: string, read: Set<string>) {
    this.#values = values;
    this.#prefix = prefix;
    this.#read = read;
  }

  static parse(body: string): Query {
    return new Query(new Map(new URLSearchParams(body)), '', new Set());
  }

  text(name: string): string | undefined {
    this.#read.add(this.#prefix + name);
    return this.#values.get(this.#prefix + name);
  }

  required(name: string): string {
    const value = this.text(name);
    if (value !== undefined && value !== '') return value;
    throw new Ec2Error('MissingParameter', `The request must contain the parameter ${this.#prefix}${name}`);
  }

  integer(name: string): number | undefined {
    const value = this.text(name);
    if (value === undefined) return undefined;
    if (/^-?\d+$/.test(value)) return Number(value);
    throw new Ec2Error('InvalidParameterValue', `Value (${value}) for parameter ${name} is invalid.`);
  }

  number(name: string): number | undefined {
    const value = this.text(name);
    if (value === undefined || !Number.isNaN(Number(value)))
      return value === undefined ? undefined : Number(value);
    throw new Ec2Error('InvalidParameterValue', `Value (${value}) for parameter ${name} is invalid.`);
  }

  flag(name: string): boolean | undefined {
    const value = this.text(name);
    return value === undefined ? undefined : value === 'true';
  }

  group(name: string): Query {
    return new Query(this.#values, `${this.#prefix}${name}.`, this.#read);
  }

  has(name: string): boolean {
    const start = `${this.#prefix}${name}`;
    return [...this.#values.keys()].some((key) => key === start || key.startsWith(`${start}.`));
  }

  /** The members of a list of structures, in order. */
  groups(name: string): Query[] {
    return this.#indices(name).map((index) => this.group(`${name}.${index}`));
  }

  /** The members of a list of strings, in order. */
  texts(name: string): string[] {
    return this.#indices(name).map((index) => this.required(`${name}.${index}`));
  }

  /** Everything in one string, to tell whether a repeated call is the same. */
  fingerprint(): string {
    return JSON.stringify([...this.#values].sort(([one], [other]) => (one < other ? -1 : 1)));
  }

  /** @throws Ec2Error `UnknownParameter` for what nobody has asked for. */
  refuseUnread(): void {
    for (const name of this.#values.keys()) {
      if (!this.#read.has(name)) {
        throw new Ec2Error('UnknownParameter', `The parameter ${name} is not recognized`);
      }
    }
  }

  ignoreUnread(): void {
    for (const name of this.#values.keys()) this.#read.add(name);
  }

  toJSON(): Record<string, string> {
    return Object.fromEntries(this.#values);
  }

  #indices(name: string): number[] {
    const start = `${this.#prefix}${name}.`;
    const indices = new Set<number>();
    for (const key of this.#values.keys()) {
      if (!key.startsWith(start)) continue;
      const index = Number(key.slice(start.length).split('.', 1)[0]);
      if (!Number.isInteger(index) || index < 1) {
        throw new Ec2Error('InvalidParameterValue', `The parameter ${key} is no list`);
      }
      indices.add(index);
    }
    return [...indices].sort((one, other) => one - other);
  }
}
