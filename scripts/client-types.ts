/**
 * `node scripts/client-types.ts`: writes src/client/operations.ts anew, what the typed client knows of each operation, from
 * the contracts that requests are checked by. A test fails when it is out of step.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TObject, TSchema } from 'typebox';

import type { Contract } from '../src/web/http/contract.ts';
import { type PlainSchema, plain } from '../src/web/http/expectation.ts';
import { ProblemSchema } from '../src/web/schemas/problem.ts';
import { allRoutes } from './all-routes.ts';

const root = join(import.meta.dirname, '..');
const FILE = join('src', 'client', 'operations.ts');
const BANNER = `// Written by \`node scripts/client-types.ts\` from the contracts of the HTTP interface: don't change it by hand.
`;

/** The file as it should be, and as it is. */
export async function clientTypes(): Promise<{ readonly current: string; readonly wanted: string }> {
  const contracts = (await allRoutes()).map(({ contract }) => contract);
  const wanted = formatted(new TypeWriter().file(contracts));
  return { current: readFileSync(join(root, FILE), 'utf8'), wanted };
}

/** Collects the named types that operations refer to, and writes all of it down. */
class TypeWriter {
  readonly #named = new Map<string, string>();

  file(contracts: readonly Contract[]): string {
    const operations = contracts.map((contract) => this.#operation(contract));
    this.#typeOf(plain(ProblemSchema), 'output');
    const table = contracts.map((contract) => `  ${contract.id}: ${rowOf(contract)},`);
    const types = [...this.#named].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, text]) => text);
    return [
      BANNER,
      ...types,
      '/** What each operation takes and gives. */',
      `export interface Operations {\n${operations.join('\n')}\n}\n`,
      '/** Where each operation is; `takesKey`: an `Idempotency-Key` makes repeating it safe. */',
      `export const OPERATIONS = {\n${table.join('\n')}\n} as const;`,
      '',
    ].join('\n');
  }

  #operation({ id, summary, params, query, body, answers }: Contract): string {
    const given = Object.values(answers).map(({ schema }) =>
      schema === undefined ? 'undefined' : this.#typeOf(plain(schema), 'output'),
    );
    const fields = [
      `readonly params: ${this.#inputs(params)};`,
      `readonly query: ${this.#inputs(query)};`,
      `readonly json: ${body?.json === undefined ? 'undefined' : this.#input(body.json)};`,
      `readonly answer: ${[...new Set(given)].join(' | ')};`,
    ];
    return `/** ${summary}. */\n  readonly ${id}: { ${fields.join(' ')} };`;
  }

  /** Values with a default need not be given. */
  #inputs(schema: TObject | undefined): string {
    const { properties = {}, required = [] } = schema === undefined ? {} : plain(schema);
    const isNeeded = (name: string) => required.includes(name) && properties[name]?.default === undefined;
    return this.#object(properties, isNeeded, 'input');
  }

  #input(schema: TSchema): string {
    return this.#typeOf(plain(schema), 'input');
  }

  #typeOf(schema: PlainSchema, way: 'input' | 'output'): string {
    const { title } = schema;
    if (title === undefined) return this.#written(schema, way);
    if (!this.#named.has(title)) {
      const text = this.#written(schema, way);
      const isObject = text.startsWith('{');
      const comment = schema.description === undefined ? '' : `/** ${schema.description}. */\n`;
      const head = isObject ? `export interface ${title}` : `export type ${title} =`;
      this.#named.set(title, `${comment}${head} ${text}${isObject ? '' : ';'}\n`);
    }
    return title;
  }

  #written(schema: PlainSchema, way: 'input' | 'output'): string {
    const { type, anyOf, items, properties, required = [] } = schema;
    if (schema.const !== undefined) return literal(schema.const);
    if (schema.enum !== undefined) return schema.enum.map(literal).join(' | ');
    if (anyOf !== undefined) return anyOf.map((one) => this.#typeOf(one, way)).join(' | ');
    switch (type) {
      case 'integer':
        return 'number';
      case 'number':
      case 'string':
      case 'boolean':
      case 'null':
        return type;
      case 'array':
        return `readonly (${this.#typeOf(items ?? {}, way)})[]`;
      case 'object':
        if (schema.patternProperties !== undefined) return this.#record(schema.patternProperties, way);
        return this.#object(properties ?? {}, (name) => required.includes(name), way);
      default:
        throw new Error(`no type is known for the schema ${JSON.stringify(schema)}`);
    }
  }

  #record(patterns: Readonly<Record<string, PlainSchema>>, way: 'input' | 'output'): string {
    const values = Object.values(patterns).map((one) => this.#typeOf(one, way));
    return `Readonly<Record<string, ${values.join(' | ')}>>`;
  }

  #object(
    properties: Readonly<Record<string, PlainSchema>>,
    isNeeded: (name: string) => boolean,
    way: 'input' | 'output',
  ): string {
    const fields = Object.entries(properties).map(([name, property]) => {
      const comment = property.description === undefined ? '' : `/** ${property.description}. */\n`;
      // Callers may pass on an option that they were not given.
      const [mark, rest] = isNeeded(name) ? ['', ''] : ['?', way === 'input' ? ' | undefined' : ''];
      return `${comment}readonly ${name}${mark}: ${this.#typeOf(property, way)}${rest};`;
    });
    return fields.length === 0 ? 'Readonly<Record<string, never>>' : `{\n${fields.join('\n')}\n}`;
  }
}

function rowOf({ method, path, headers = {} }: Contract): string {
  const takesKey = 'Idempotency-Key' in headers;
  return JSON.stringify({ method: method.toUpperCase(), path, takesKey });
}

function literal(value: unknown): string {
  return JSON.stringify(value);
}

function formatted(text: string): string {
  const biome = join(root, 'node_modules/@biomejs/biome/bin/biome');
  const words = [biome, 'format', `--stdin-file-path=${FILE}`];
  const { status, stdout, stderr } = spawnSync(process.execPath, words, {
    input: text,
    encoding: 'utf8',
    cwd: root,
  });
  if (status !== 0) throw new Error(`biome cannot format what was written: ${stderr}`);
  return stdout;
}

if (import.meta.main) {
  const { wanted } = await clientTypes();
  writeFileSync(join(root, FILE), wanted);
}
