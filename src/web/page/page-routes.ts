import { readFileSync } from 'node:fs';
import { type Request, type Response, Router } from 'express';

import { SAMPLE_COUNT, samplePicturePath } from '../../workload/sample-pictures.ts';
import { HttpProblem } from '../problem.ts';
import type { Page } from './page.ts';
import type { PageEncoding, PageFile } from './page-files.ts';

/** Nothing from elsewhere, nothing inline; `blob:` shows pictures that were just chosen. */
export const PAGE_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' blob:",
  "connect-src 'self'",
  "form-action 'self'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join('; ');

const YEAR_SECONDS = 31_536_000;

/**
 * `/ui/…`: the page's files, and six photographs to try it with at `/ui/samples/1.jpg` …. They hold no data of anybody's,
 * so they ask for no key; the page asks its user. A browser that comes to `/` is led there.
 */
export function pageRoutes(page: Page): Router {
  const router = Router({ strict: true });
  router.get('/', (request, response, next) => {
    if (!isBrowser(request)) return next();
    response.vary('Accept').redirect(302, '/ui/');
  });
  router.get('/ui', (_request, response) => {
    response.redirect(308, '/ui/');
  });
  router.get('/ui/samples/:name', (request, response) => {
    sendSample(request.params.name, response);
  });
  router.get('/ui/{*path}', async (request, response) => {
    const files = await page.files;
    if (files === undefined) throw new HttpProblem(503, 'the page is not built, the log says why');
    const path = ([] as string[]).concat(request.params.path ?? []).join('/');
    const file = files.get(path === '' ? 'index.html' : path);
    if (file === undefined) throw new HttpProblem(404, 'there is nothing at this address');
    sendFile(request, response, file);
  });
  return router;
}

/** Programs accept anything; only somebody who wants to see a page names it. */
function isBrowser({ headers }: Request): boolean {
  return headers.accept?.includes('text/html') ?? false;
}

function sendSample(name: string, response: Response): void {
  const number = /^([1-9])\.jpg$/.exec(name)?.[1];
  if (number === undefined || Number(number) > SAMPLE_COUNT) {
    throw new HttpProblem(404, 'there is no such sample picture');
  }
  response.set('Cache-Control', 'public, max-age=86400').type('image/jpeg');
  response.end(readFileSync(samplePicturePath(Number(number))));
}

function sendFile(request: Request, response: Response, file: PageFile): void {
  const encoding = encodingFor(request, file);
  response.set({
    'Content-Type': file.type,
    'Content-Security-Policy': PAGE_POLICY,
    'Permissions-Policy': 'camera=(self), microphone=(), geolocation=()',
    'Referrer-Policy': 'no-referrer',
    'Cross-Origin-Opener-Policy': 'same-origin',
    'Cache-Control': file.isHashed ? `public, max-age=${YEAR_SECONDS}, immutable` : 'no-cache',
    ETag: file.etag,
    Vary: 'Accept-Encoding',
  });
  if (request.headers['if-none-match'] === file.etag) {
    response.status(304).end();
    return;
  }
  if (encoding !== 'identity') response.set('Content-Encoding', encoding);
  response.end(file.bodies.get(encoding));
}

/** The smallest form that the browser takes. */
function encodingFor(request: Request, { bodies }: PageFile): PageEncoding {
  const offered = (['br', 'gzip'] as const).filter((encoding) => bodies.has(encoding));
  return offered.find((encoding) => request.acceptsEncodings(encoding) === encoding) ?? 'identity';
}
