// A process of its own: `node bury-job.ts <data folder> <file name> <reason>` lays a job into the dead letters, as a
// worker does that has given up on it.
import { readFile } from 'node:fs/promises';

import { connect } from '../../src/compose.ts';
import { loadConfig } from '../../src/config.ts';
import { encodeDeadLetter } from '../../src/jobs/dead-letter.ts';
import { JobClient } from '../../src/jobs/job-client.ts';
import { queueNames } from '../../src/jobs/keys.ts';
import { encodeMessage } from '../../src/jobs/messages.ts';
import { samplePath } from './sample-pictures.ts';

const [dataDir = '', fileName = '', reason = ''] = process.argv.slice(2);
const loaded = loadConfig({ flags: { 'data-dir': dataDir, 'log-level': 'error' }, dotenvFolder: false });
await using deployment = await connect(loaded, { component: 'bury-job', waitSeconds: 5 });
await using client = await JobClient.open(deployment);
const { jobId } = await client.submit({
  picture: await readFile(samplePath(1)),
  fileName,
  contentType: 'image/jpeg',
  task: { kind: 'recognise' },
  waitSeconds: 0,
});
const message = encodeMessage({
  version: 1,
  jobId,
  submittedAt: deployment.clock.now(),
  deadline: deployment.clock.now(),
  traceId: '1'.repeat(32),
});
const graveyard = deployment.queues.open(queueNames(loaded.config.prefix).deadLetters);
await graveyard.send(encodeDeadLetter({ message, reason, diedAt: deployment.clock.now() }));
