import { Type } from 'typebox';

import { stemOf } from '../../jobs/course-names.ts';
import type { JobResult, JobTask } from '../../jobs/job.ts';
import { nameOf } from '../../jobs/results.ts';
import { PICTURE_FIELD } from '../body-reader.ts';
import type { WebContext } from '../context.ts';
import { type Route, route } from '../http/contract.ts';
import { failureProblem, HttpProblem } from '../problem.ts';
import { DoneResultSchema } from '../schemas/job.ts';
import { IDEMPOTENCY_HEADER, JOB_HEADERS, PICTURE_FORM } from '../schemas/requests.ts';
import { awaitResult, factsOf, submitPicture } from '../submission.ts';

const PAGE = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Facefleet</title>
<h1>Facefleet</h1>
<p>Send a picture, get the name of the largest face in it.</p>
<form method="post" enctype="multipart/form-data">
<input type="file" name="${PICTURE_FIELD}" accept="image/*" required>
<button>Who is it?</button>
</form>
<p>From a program: <code>curl -F ${PICTURE_FIELD}=@picture.jpg</code> and this address.
<code>POST /v1/recognitions</code> answers with every face as JSON.</p>
</html>
`;

const PAGE_POLICY = "default-src 'none'; form-action 'self'; frame-ancestors 'none'";

/** `/`: the contract of the original system. A picture in, `stem:Name` out. */
export function homeRoutes(context: WebContext): Route[] {
  return [
    route(
      {
        method: 'get',
        path: '/',
        id: 'getHome',
        tag: 'Original contract',
        scope: 'recognise',
        summary: 'A page with a form for one picture',
        answers: { 200: { description: 'The page', content: { 'text/html': Type.String() } } },
      },
      () => {
        const headers = { 'Content-Security-Policy': PAGE_POLICY };
        return { status: 200, headers, body: PAGE, contentType: 'text/html; charset=utf-8' };
      },
    ),
    nameRoute(context),
  ];
}

function nameRoute(context: WebContext): Route {
  return route(
    {
      method: 'post',
      path: '/',
      id: 'nameLargestFace',
      tag: 'Original contract',
      scope: 'recognise',
      summary: 'Name the largest face of a picture, in one line of text',
      description:
        'Answers `test_00:Paul`: the stem of the file name, a colon, the name; `unknown` for nobody. It waits up to 290 seconds.',
      headers: IDEMPOTENCY_HEADER,
      body: { upload: PICTURE_FORM },
      answers: {
        200: {
          description: 'The line or, with `Accept: application/json`, the whole result',
          content: { 'text/plain': Type.String(), 'application/json': DoneResultSchema },
          headers: JOB_HEADERS,
        },
      },
      problems: [408, 410, 413, 415, 422, 429, 504],
    },
    async ({ request, response }) => {
      using _ticket = await context.admission.admit(factsOf(response).caller);
      const { plainSeconds } = context.waits;
      const wantsJson = request.accepts(['text/plain', 'application/json']) === 'application/json';
      // One line of text has no place for other candidates, and each would have to be remembered, for erasure.
      const task: JobTask = wantsJson ? { kind: 'recognise' } : { kind: 'recognise', topK: 0 };
      const options = { task, waitSeconds: plainSeconds, needsFileName: true } as const;
      const submission = await submitPicture(context, request, response, options);
      const result = await awaitResult(context, response, submission, plainSeconds);
      if (result === undefined) throw notInTime(submission.jobId);
      if (result.status === 'failed') throw failureProblem(result);
      return wantsJson
        ? { status: 200, body: JSON.stringify(result), contentType: 'application/json; charset=utf-8' }
        : {
            status: 200,
            body: lineOf(submission.fileName, result),
            contentType: 'text/plain; charset=utf-8',
          };
    },
  );
}

function lineOf(fileName: string, result: JobResult & { status: 'done' }): string {
  return `${stemOf(fileName)}:${nameOf(result)}`;
}

function notInTime(jobId: string): HttpProblem {
  return new HttpProblem(504, `no answer yet, look at /v1/jobs/${jobId}`, { jobId });
}
