import { Router } from 'express';
import { stemOf } from '../../jobs/course-names.ts';
import type { JobResult, JobTask } from '../../jobs/job.ts';
import { nameOf } from '../../jobs/results.ts';
import { PICTURE_FIELD } from '../body-reader.ts';
import type { WebContext } from '../context.ts';
import { failureProblem, HttpProblem } from '../problem.ts';
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

/** `/`: the contract of the original system. A picture in, `stem:Name` out. */
export function homeRoutes(context: WebContext): Router {
  const router = Router();
  router.get('/', (_request, response) => {
    response.set('Content-Security-Policy', "default-src 'none'; form-action 'self'; frame-ancestors 'none'");
    response.type('html').send(PAGE);
  });
  router.post('/', async (request, response) => {
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
    if (wantsJson) response.json(result);
    else response.type('text/plain').send(lineOf(submission.fileName, result));
  });
  return router;
}

function lineOf(fileName: string, result: JobResult & { status: 'done' }): string {
  return `${stemOf(fileName)}:${nameOf(result)}`;
}

function notInTime(jobId: string): HttpProblem {
  return new HttpProblem(504, `no answer yet, look at /v1/jobs/${jobId}`, { jobId });
}
