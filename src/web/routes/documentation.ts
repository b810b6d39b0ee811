import { createHash } from 'node:crypto';
import { Type } from 'typebox';

import { packageVersion } from '../../version.ts';
import { type Route, route } from '../http/contract.ts';
import { openApiDocument } from '../http/openapi.ts';
import { REFERENCE_STYLE, referencePage } from '../http/reference-page.ts';

const DESCRIPTION =
  'People send pictures; Facefleet says who is in them. `/` keeps the contract of the original course project in plain text, everything else is JSON.';

/** The page loads nothing and runs nothing: one style, pinned by its hash. */
const PAGE_POLICY = [
  "default-src 'none'",
  `style-src 'sha256-${createHash('sha256').update(REFERENCE_STYLE).digest('base64')}'`,
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

/** `/openapi.json` and `/docs`: what the other routes take and give. */
export function documentationRoutes(routes: readonly Route[]): Route[] {
  const openapi = route(
    {
      method: 'get',
      path: '/openapi.json',
      id: 'getOpenApi',
      tag: 'Service',
      scope: 'public',
      summary: 'This interface as an OpenAPI 3.1 document',
      answers: {
        200: { description: 'The document', schema: Type.Object({ openapi: Type.Literal('3.1.0') }) },
      },
    },
    () => ({
      status: 200,
      headers: { 'Cache-Control': 'no-cache' },
      body: document() as { openapi: '3.1.0' },
    }),
  );
  const page = route(
    {
      method: 'get',
      path: '/docs',
      id: 'getDocs',
      tag: 'Service',
      scope: 'public',
      summary: 'This interface as a page to read',
      answers: { 200: { description: 'The page', content: { 'text/html': Type.String() } } },
    },
    () => ({
      status: 200,
      headers: { 'Content-Security-Policy': PAGE_POLICY, 'Cache-Control': 'no-cache' },
      body: referencePage(document()),
      contentType: 'text/html; charset=utf-8',
    }),
  );
  // Made when first asked for: a web tier that only works needs none.
  let made: Record<string, unknown> | undefined;
  const document = () => {
    made ??= openApiDocument([...routes, openapi, page], {
      version: packageVersion(),
      description: DESCRIPTION,
    });
    return made;
  };
  return [openapi, page];
}
