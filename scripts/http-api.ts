/**
 * `node scripts/http-api.ts`: writes the table of all operations in docs/http-api.md anew, from their contracts. A test
 * fails when it is out of step.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import type { Route } from '../src/web/http/contract.ts';
import { allRoutes } from './all-routes.ts';

const FILE = join(import.meta.dirname, '..', 'docs', 'http-api.md');
const [BEGIN, END] = ['<!-- operations: node scripts/http-api.ts -->', '<!-- /operations -->'];

/** The page with its table made anew, and as it is. */
export async function httpApiPage(): Promise<{ readonly current: string; readonly wanted: string }> {
  const current = readFileSync(FILE, 'utf8');
  const [before, rest] = current.split(BEGIN);
  const [, after] = (rest ?? '').split(END);
  if (before === undefined || after === undefined) throw new Error(`${FILE} has no place for the table`);
  return { current, wanted: `${before}${BEGIN}\n${tablesOf(await allRoutes())}${END}${after}` };
}

function tablesOf(routes: readonly Route[]): string {
  const tags = [...new Set(routes.map(({ contract }) => contract.tag))];
  return tags.map((tag) => `\n${tableOf(tag, routes)}`).join('') + '\n';
}

/** Those of a named gallery are the same as the default one's: one line says where. */
function tableOf(tag: string, routes: readonly Route[]): string {
  const rows = routes
    .map(({ contract }) => contract)
    .filter((contract) => contract.tag === tag && !contract.path.startsWith('/v1/galleries/{gallery}/'))
    .map(({ method, path, summary, scope, answers }) => {
      const statuses = Object.keys(answers).join(', ');
      return `| \`${method.toUpperCase()} ${path}\` | ${summary} | ${statuses} | ${scope} |`;
    });
  return [`| ${tag} | | | |`, '|---|---|---|---|', ...rows, ''].join('\n');
}

if (import.meta.main) {
  const { wanted } = await httpApiPage();
  writeFileSync(FILE, wanted);
}
