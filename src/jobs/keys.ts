/** Every key and queue name of ours, in one place. */
export const inputKey = (jobId: string): string => `uploads/${jobId}`;
export const resultKey = (jobId: string): string => `results/${jobId}.json`;
/** State bucket: the record in the course dialect. */
export const recordKey = (jobId: string): string => `records/${jobId}.json`;
/** State bucket: which file holds a stem in the course dialect; `hash` of the stem. */
export const courseNameKey = (hash: string): string => `course-names/${hash}.json`;
/** State bucket: who answers at a response queue. */
export const responseLeaseKey = (queueName: string): string => `response-queues/${queueName}.json`;
/** State bucket: create-only, `hash` of caller and Idempotency-Key. */
export const idempotencyKey = (hash: string): string => `idempotency/${hash}.json`;
/** State bucket: attempts that were started and have not ended. */
export const attemptPrefix = (jobId: string): string => `attempts/${jobId}/`;
export const attemptKey = (jobId: string, attempt: number): string =>
  `${attemptPrefix(jobId)}${attempt}.json`;
/** State bucket: failures of the job that nobody foresaw, beside its attempts. */
export const failureKey = (jobId: string, failure: number): string =>
  `${attemptPrefix(jobId)}failed-${failure}.json`;
/** State bucket: a batch that was accepted, and how far it is. */
export const batchKey = (batchId: string): string => `batches/${batchId}.json`;
/** State bucket: a call of a webhook that is owed. */
export const webhookKey = (jobId: string): string => `webhooks/${jobId}.json`;
/** State bucket: which jobs named a person, for erasure. All in one folder: writers share its syncs. */
export const personJobKey = (personId: string, jobId: string): string => `person-jobs/${personId}~${jobId}`;
/** As release 0.1 wrote it. */
export const oldPersonJobKey = (personId: string, jobId: string): string =>
  `person-jobs/${personId}/${jobId}`;
/** State bucket: which jobs a picture was sent in with for somebody, for erasure; `hash` of whom they name. */
export const SENT_IN_JOBS = 'sent-in/';
export const sentInKey = (hash: string, jobId: string): string => `${SENT_IN_JOBS}${hash}~${jobId}`;
/** State bucket: since when those are noted. */
export const sentInSinceKey = 'sent-in-since.json';
export const leaderKey = 'controller/leader.json';
export const fleetStateKey = 'controller/fleet.json';

export const bucketNames = (prefix: string) => ({
  input: `${prefix}-in-bucket`,
  output: `${prefix}-out-bucket`,
  state: `${prefix}-state-bucket`,
});

export const queueNames = (prefix: string) => ({
  requests: `${prefix}-req-queue`,
  /** The seed's name; web process 0 answers here. */
  responses: `${prefix}-resp-queue`,
  deadLetters: `${prefix}-dead-queue`,
});

/** The response queue of a web process; web id 0 has the seed's name. */
export const responseQueueName = (prefix: string, webId: string): string =>
  webId === '0' ? queueNames(prefix).responses : `${queueNames(prefix).responses}-${webId}`;

/** Workers answer only to queues of this deployment. */
export const isResponseQueueName = (prefix: string, name: string): boolean =>
  name === queueNames(prefix).responses || name.startsWith(`${queueNames(prefix).responses}-`);
