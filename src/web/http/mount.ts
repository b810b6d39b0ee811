import type { Express, Request, RequestHandler, Response } from 'express';

import { HttpProblem } from '../problem.ts';
import type { Call, Contract, PlainAnswer, Route } from './contract.ts';
import { readInputs } from './inputs.ts';
import { faultsOf } from './validation.ts';

export interface MountOptions {
  /** Holds every JSON answer to its contract and fails those that break it: for tests. */
  readonly checksAnswers: boolean;
  /** Throws where the caller may not do this. */
  readonly authorise: (contract: Contract, request: Request, response: Response) => void;
}

/** Serves these routes: each request is read and checked by its contract before the handler sees it. */
export function mountRoutes(app: Express, routes: readonly Route[], options: MountOptions): void {
  for (const route of routes) {
    const { method, path } = route.contract;
    app[method](expressPath(path), handlerOf(route, options));
  }
}

/** Answers 405 with `Allow` to other methods at the addresses of these routes. To be mounted after them. */
export function refuseOtherMethods(app: Express, routes: readonly Route[]): void {
  for (const [path, methods] of methodTable(routes)) {
    const allow = methods.join(', ');
    app.all(expressPath(path), () => {
      throw new HttpProblem(405, `this address takes ${allow}`, { headers: { Allow: allow } });
    });
  }
}

/** The methods of every path, `HEAD` with each `GET`. */
export function methodTable(routes: readonly Route[]): Map<string, string[]> {
  const table = new Map<string, string[]>();
  for (const { contract } of routes) {
    const methods = contract.method === 'get' ? ['GET', 'HEAD'] : [contract.method.toUpperCase()];
    table.set(contract.path, [...(table.get(contract.path) ?? []), ...methods].sort());
  }
  return table;
}

function handlerOf({ contract, handle }: Route, { checksAnswers, authorise }: MountOptions): RequestHandler {
  return async (request, response) => {
    authorise(contract, request, response);
    const inputs = await readInputs(contract, request);
    const answer = await handle({ ...inputs, request, response } as Call<Contract>);
    if (answer === undefined) return;
    if (checksAnswers) checkAnswer(contract, answer);
    send(response, answer);
  };
}

function send(response: Response, { status, headers = {}, body, contentType }: PlainAnswer): void {
  response.status(status).set(headers);
  if (body === undefined) response.end();
  else if (contentType === undefined) response.json(body);
  else response.set('Content-Type', contentType).end(body);
}

function checkAnswer(contract: Contract, { status, body }: PlainAnswer): void {
  const { schema } = contract.answers[status] ?? {};
  if (schema === undefined) return;
  // As the client gets it: without what is undefined.
  const faults = faultsOf(schema, JSON.parse(JSON.stringify(body)), 'body');
  if (faults.length === 0) return;
  throw new Error(`${contract.id} answers against its contract: ${JSON.stringify(faults)}`);
}

function expressPath(path: string): string {
  return path.replaceAll(/\{(\w+)\}/g, ':$1');
}
