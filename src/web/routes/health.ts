import { Type } from 'typebox';

import { packageVersion } from '../../version.ts';
import type { WebContext } from '../context.ts';
import { type Route, route } from '../http/contract.ts';

const Check = Type.Enum(['ok', 'failed', 'no answer'], { title: 'Check' });
const Checks = Type.Object({ queue: Check, input: Check, output: Check, state: Check });

/** `/healthz` (the process lives), `/readyz` (queue and buckets answer), `/version` (what runs here). */
export function healthRoutes({ readiness, config }: Pick<WebContext, 'readiness' | 'config'>): Route[] {
  return [
    route(
      {
        method: 'get',
        path: '/healthz',
        id: 'getHealth',
        tag: 'Service',
        scope: 'public',
        summary: 'Whether the process lives',
        answers: { 200: { description: 'It does', schema: Type.Object({ status: Type.Literal('ok') }) } },
      },
      () => ({ status: 200, body: { status: 'ok' } }),
    ),
    readyRoute(readiness),
    versionRoute(config),
  ];
}

function readyRoute(readiness: WebContext['readiness']): Route {
  return route(
    {
      method: 'get',
      path: '/readyz',
      id: 'getReadiness',
      tag: 'Service',
      scope: 'public',
      summary: 'Whether queue and buckets answer',
      answers: {
        200: {
          description: 'All of them do',
          schema: Type.Object({ status: Type.Literal('ready'), checks: Checks }),
        },
        503: {
          description: 'Some of them do not',
          schema: Type.Object({ status: Type.Literal('not ready'), checks: Checks }),
        },
      },
    },
    async () => {
      const { isReady, checks } = await readiness.check();
      return isReady
        ? { status: 200, body: { status: 'ready', checks } }
        : { status: 503, body: { status: 'not ready', checks } };
    },
  );
}

function versionRoute({ dialect, pack }: WebContext['config']): Route {
  const version = packageVersion();
  const words = { name: Type.Literal('facefleet'), version: Type.String(), node: Type.String() };
  const schema = Type.Object({ ...words, dialect: Type.String(), pack: Type.String() }, { title: 'Version' });
  return route(
    {
      method: 'get',
      path: '/version',
      id: 'getVersion',
      tag: 'Service',
      scope: 'recognise',
      summary: 'What runs here',
      answers: { 200: { description: 'Release, Node and settings that matter to clients', schema } },
    },
    () => ({ status: 200, body: { name: 'facefleet', version, node: process.version, dialect, pack } }),
  );
}
