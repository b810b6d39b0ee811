/** The values of the last so many seconds. */
export class Sliding {
  readonly #seconds: number;
  #values: { at: number; value: number }[] = [];

  constructor(seconds: number) {
    this.#seconds = seconds;
  }

  add(at: number, value: number): void {
    this.#values.push({ at, value });
    this.#values = this.#values.filter((one) => one.at > at - this.#seconds);
  }

  get most(): number {
    return Math.max(0, ...this.#values.map(({ value }) => value));
  }

  get mean(): number {
    const sum = this.#values.reduce((total, { value }) => total + value, 0);
    return this.#values.length === 0 ? 0 : sum / this.#values.length;
  }

  /** The earliest value that is still in the window. */
  get first(): number | undefined {
    return this.#values[0]?.value;
  }
}
