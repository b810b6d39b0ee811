/** What the plain YAML of our configuration files comes to. */
export type Yaml = string | Yaml[] | { [key: string]: Yaml };

interface Line {
  readonly indent: number;
  readonly text: string;
  readonly number: number;
}

/**
 * Reads the part of YAML that files for Prometheus need: maps and lists by indentation, quoted and plain scalars, lists
 * of scalars in brackets. Everything else throws, so that a slip of indentation does not pass for something else.
 */
export function parsePlainYaml(text: string): Yaml {
  const lines = text.split('\n').flatMap((raw, index): Line[] => {
    if (raw.trim() === '' || raw.trim().startsWith('#')) return [];
    if (raw.includes('\t')) throw new Error(`line ${index + 1} holds a tab`);
    return [{ indent: raw.length - raw.trimStart().length, text: raw.trim(), number: index + 1 }];
  });
  const reader = new Reader(lines);
  const value = reader.block(0);
  reader.expectEnd();
  return value;
}

class Reader {
  #lines: Line[];

  constructor(lines: Line[]) {
    this.#lines = lines;
  }

  expectEnd(): void {
    const [rest] = this.#lines;
    if (rest !== undefined)
      throw new Error(`line ${rest.number} is indented by ${rest.indent}, which fits nothing`);
  }

  block(indent: number): Yaml {
    return this.#lines[0]?.text.startsWith('- ') ? this.#list(indent) : this.#map(indent);
  }

  #list(indent: number): Yaml[] {
    const items: Yaml[] = [];
    for (
      let line = this.#lines[0];
      line?.indent === indent && line.text.startsWith('- ');
      line = this.#lines[0]
    ) {
      const rest = line.text.slice(2);
      // What follows the dash is the first line of a block two further in.
      this.#lines[0] = { ...line, indent: indent + 2, text: rest };
      items.push(isEntry(rest) ? this.block(indent + 2) : scalar(this.#lines.shift()!));
    }
    return items;
  }

  #map(indent: number): { [key: string]: Yaml } {
    const map: { [key: string]: Yaml } = {};
    for (let line = this.#lines[0]; line?.indent === indent; line = this.#lines[0]) {
      const [, key, rest] = /^([A-Za-z_][\w-]*):(?: (.*))?$/.exec(line.text) ?? [];
      if (key === undefined || key in map)
        throw new Error(`line ${line.number} is no new entry: ${line.text}`);
      this.#lines.shift();
      if (rest !== undefined) map[key] = scalar({ ...line, text: rest });
      else {
        const inner = this.#lines[0]?.indent ?? 0;
        if (inner <= indent) throw new Error(`line ${line.number} has no value`);
        map[key] = this.block(inner);
      }
    }
    return map;
  }
}

function isEntry(text: string): boolean {
  return /^[A-Za-z_][\w-]*:( |$)/.test(text);
}

function scalar({ text, number }: Line): Yaml {
  if (text.startsWith('[') && text.endsWith(']')) {
    return text
      .slice(1, -1)
      .split(', ')
      .map((item) => scalar({ text: item, number, indent: 0 }));
  }
  const quoted = /^'((?:[^']|'')*)'$/.exec(text)?.[1];
  if (quoted !== undefined) return quoted.replaceAll("''", "'");
  if (/^['"{[&*!|>%@`]/.test(text) || / #|: /.test(text)) {
    throw new Error(`line ${number} wants quotes: ${text}`);
  }
  return text;
}
