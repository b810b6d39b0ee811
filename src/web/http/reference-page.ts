import { expectationOf, type PlainSchema } from './expectation.ts';

/** The parts of an OpenAPI document that the page shows. */
interface Document {
  readonly info: { readonly title: string; readonly version: string; readonly description: string };
  readonly tags: readonly { readonly name: string }[];
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, PlainSchema>> };
}

interface Operation {
  readonly operationId: string;
  readonly tags: readonly string[];
  readonly summary: string;
  readonly description?: string;
  readonly 'x-scope': string;
  readonly parameters?: readonly Parameter[];
  readonly requestBody?: { readonly content: Content };
  readonly responses: Readonly<Record<string, Response>>;
}

interface Parameter {
  readonly name: string;
  readonly in: string;
  readonly required: boolean;
  readonly description?: string;
  readonly schema: PlainSchema;
}

interface Response {
  readonly description: string;
  readonly headers?: Readonly<Record<string, { readonly description: string }>>;
  readonly content?: Content;
}

type Content = Readonly<Record<string, { readonly schema: PlainSchema }>>;

export const REFERENCE_STYLE = `
:root { color-scheme: light dark; --line: #8884; --soft: #8881; --accent: light-dark(#0b57d0, #8ab4f8); }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 64rem; margin: 0 auto; padding: 1.5rem; }
h1 { margin: 0; } h2 { margin: 2.5rem 0 .75rem; } h3 { font-size: 1rem; margin: 1rem 0 .25rem; }
a { color: var(--accent); }
code { font: .875em ui-monospace, monospace; }
nav ul { columns: 18rem; padding-left: 1.25rem; }
details { border: 1px solid var(--line); border-radius: .5rem; margin: .5rem 0; }
details > summary { padding: .6rem .9rem; cursor: pointer; }
details[open] > summary { border-bottom: 1px solid var(--line); background: var(--soft); }
details > div { padding: .5rem .9rem 1rem; overflow-x: auto; }
summary b { display: inline-block; min-width: 4.5rem; text-transform: uppercase; font: 700 .8rem ui-monospace, monospace; color: var(--accent); }
summary span { opacity: .75; margin-left: .5rem; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; vertical-align: top; padding: .3rem .75rem .3rem 0; border-bottom: 1px solid var(--line); }
th { font-weight: 600; font-size: .85rem; }
`;

/** The document as a page that needs neither scripts nor another host. */
export function referencePage(openApi: object): string {
  const document = openApi as Document;
  const { info, tags, components } = document;
  const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method, operation })),
  );
  const sections = tags.map(({ name }) => {
    const ofTag = operations.filter(({ operation }) => operation.tags.includes(name));
    return `<h2 id="${anchor(name)}">${text(name)}</h2>\n${ofTag.map(operationHtml).join('\n')}`;
  });
  const schemas = Object.entries(components.schemas).map(([name, schema]) => schemaHtml(name, schema));
  const index = operations.map(
    ({ path, method, operation }) =>
      `<li><a href="#${operation.operationId}"><code>${method.toUpperCase()} ${text(path)}</code></a></li>`,
  );
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${text(info.title)} HTTP interface</title>
<style>${REFERENCE_STYLE}</style>
</head>
<body>
<header><h1>${text(info.title)} ${text(info.version)}</h1><p>${prose(info.description)} For programs: <a href="/openapi.json">openapi.json</a>.</p></header>
<nav aria-label="Operations"><ul>${index.join('')}</ul></nav>
<main>
${sections.join('\n')}
<h2 id="objects">Objects</h2>
${schemas.join('\n')}
</main>
</body>
</html>
`;
}

interface Addressed {
  readonly path: string;
  readonly method: string;
  readonly operation: Operation;
}

function operationHtml({ path, method, operation }: Addressed): string {
  const { operationId, summary, description, parameters = [], requestBody, responses } = operation;
  return `<details id="${operationId}"><summary><b>${method}</b><code>${text(path)}</code><span>${text(summary)}</span></summary><div>
${description === undefined ? '' : `<p>${prose(description)}</p>`}
<p>Needs a key that may: <code>${text(operation['x-scope'])}</code></p>
${parameters.length === 0 ? '' : `<h3>Takes</h3>${table(['Name', 'In', 'What'], parameters.map(parameterRow))}`}
${requestBody === undefined ? '' : `<h3>Body</h3>${contentHtml(requestBody.content)}`}
<h3>Answers</h3>
${table(['Status', 'What', 'Body'], Object.entries(responses).map(responseRow))}
</div></details>`;
}

function parameterRow({ name, in: place, required, description, schema }: Parameter): string[] {
  const what = [
    schemaWords(schema),
    required ? 'required' : '',
    description === undefined ? '' : prose(description),
  ];
  return [`<code>${text(name)}</code>`, place, what.filter((part) => part !== '').join('; ')];
}

function responseRow([status, { description, headers = {}, content = {} }]: [string, Response]): string[] {
  const named = Object.entries(headers).map(
    ([name, header]) => `<code>${text(name)}</code>: ${prose(header.description)}`,
  );
  return [`<code>${status}</code>`, [prose(description), ...named].join('<br>'), contentHtml(content)];
}

function contentHtml(content: Content): string {
  return Object.entries(content)
    .map(([type, { schema }]) => `<code>${text(type)}</code>: ${schemaWords(schema)}${inlineFields(schema)}`)
    .join('<br>');
}

function schemaHtml(name: string, schema: PlainSchema): string {
  const alternatives = schema.anyOf?.map(schemaWords).join(' or ') ?? '';
  return `<details id="object-${anchor(name)}"><summary><code>${text(name)}</code></summary><div>
${schema.description === undefined ? '' : `<p>${prose(schema.description)}</p>`}
<p>${alternatives}</p>${inlineFields(schema)}</div></details>`;
}

function inlineFields(schema: PlainSchema): string {
  const rows = Object.entries(schema.properties ?? {}).map(([name, property]) => [
    `<code>${text(name)}</code>`,
    `${schemaWords(property)}${schema.required?.includes(name) === true ? '' : ' (optional)'}`,
    `${property.description === undefined ? '' : prose(property.description)}${inlineFields(property)}${inlineFields(property.items ?? {})}`,
  ]);
  return rows.length === 0 ? '' : table(['Field', 'Value', 'What'], rows);
}

/** The kind of a value in a few words, with links to named objects. */
function schemaWords(schema: PlainSchema): string {
  const { $ref, anyOf, type, items } = schema;
  if ($ref !== undefined) {
    const name = $ref.slice($ref.lastIndexOf('/') + 1);
    return `<a href="#object-${anchor(name)}">${text(name)}</a>`;
  }
  if (type === 'array' && items !== undefined) return `list of ${schemaWords(items)}`;
  if (anyOf?.some((one) => one.const === undefined) === true) {
    return anyOf.map(schemaWords).join(' or ');
  }
  if (schema.format === 'binary') return 'bytes of a picture';
  if (type === 'null') return '<code>null</code>';
  return text(expectationOf(schema));
}

function table(heads: readonly string[], rows: readonly (readonly string[])[]): string {
  const head = heads.map((name) => `<th scope="col">${name}</th>`).join('');
  const body = rows.map((cells) => `<tr>${cells.map((cell) => `<td>${cell}</td>`).join('')}</tr>`).join('');
  return `<table><thead><tr>${head}</tr></thead><tbody>${body}</tbody></table>`;
}

/** Text in which only backticks mean something. */
function prose(words: string): string {
  return text(words).replaceAll(/`([^`]+)`/g, '<code>$1</code>');
}

function anchor(name: string): string {
  return name.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-');
}

function text(words: string): string {
  return words
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}
