import {
  type ErrorCode,
  type ErrorContext,
  FacefleetError,
  NotFoundError,
  PreconditionFailedError,
  ThrottledError,
  UnavailableError,
} from '../../errors.ts';
import { factsOf, type SdkFacts } from './sdk-facts.ts';

/** What was asked of AWS, for the message that says why it was not done. */
export interface AwsCall {
  /** The permission that it takes, as IAM writes it: `s3:GetObject`. */
  readonly action: string;
  /** Bucket, key, queue, instance … */
  readonly context: ErrorContext;
  /** Where it was asked, when that is not AWS itself. */
  readonly endpoint?: string | undefined;
  readonly region?: string | undefined;
  /** What codes of this service mean that are nobody else's; they go before all others. */
  readonly special?: Readonly<Record<string, (facts: SdkFacts) => FacefleetError>>;
}

/**
 * Turns whatever the SDK threw into an error of ours that says what to do next. Each adapter does so at its edge; an
 * error that is ours already comes through as it is.
 */
export function translateAwsError(error: unknown, call: AwsCall): FacefleetError {
  if (error instanceof FacefleetError) return error;
  const facts = factsOf(error);
  const special = call.special?.[facts.code]?.(facts);
  if (special !== undefined) return special;
  const translated = TRANSLATIONS.find(({ codes }) => codes.has(facts.code))?.say(facts, call);
  return translated ?? byStatus(facts, call);
}

interface Translation {
  readonly codes: ReadonlySet<string>;
  readonly say: (facts: SdkFacts, call: AwsCall) => FacefleetError;
}

const when = (codes: string, say: Translation['say']): Translation => ({
  codes: new Set(codes.split(' ')),
  say,
});

const TRANSLATIONS: readonly Translation[] = [
  when('CredentialsProviderError', (facts, call) =>
    fail('permission-denied', facts, call, {
      problem: 'there are no AWS credentials',
      next: 'set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (in the environment or .env), sign in with `aws sso login`, or give the instance a role',
    }),
  ),
  when('InvalidAccessKeyId InvalidClientTokenId UnrecognizedClientException AuthFailure', (facts, call) =>
    fail('permission-denied', facts, call, {
      problem: 'AWS does not know the access key',
      next: 'check AWS_ACCESS_KEY_ID: it may be mistyped, deleted or of another partition',
    }),
  ),
  when('SignatureDoesNotMatch InvalidSignatureException IncompleteSignature', (facts, call) =>
    isAboutTime(facts)
      ? clockIsOff(facts, call)
      : fail('permission-denied', facts, call, {
          problem: 'the secret key does not fit the access key',
          next: 'check AWS_SECRET_ACCESS_KEY, and AWS_SESSION_TOKEN if the key is a temporary one',
        }),
  ),
  when('ExpiredToken ExpiredTokenException TokenRefreshRequired', (facts, call) =>
    fail('permission-denied', facts, call, {
      problem: 'the temporary credentials have expired',
      next: 'sign in again (`aws sso login`), or renew AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN',
    }),
  ),
  when('InvalidToken OptInRequired NotSignedUp AccountProblem', (facts, call) =>
    fail('permission-denied', facts, call, {
      problem: `AWS refuses the account or its session token${inRegion(call)}`,
      next: 'check AWS_SESSION_TOKEN, and whether the region is enabled for the account',
    }),
  ),
  when('RequestTimeTooSkewed RequestExpired RequestInTheFuture', clockIsOff),
  when(
    'AccessDenied AccessDeniedException UnauthorizedOperation UnauthorizedAccess AllAccessDisabled KmsAccessDenied KMS.AccessDeniedException Forbidden',
    permissionIsMissing,
  ),
  when(
    'NoSuchBucket',
    (facts, call) =>
      new NotFoundError(
        `there is no bucket ${quoted(call.context.bucket)}${inRegion(call)}; \`facefleet aws up\` makes it`,
        {
          context: call.context,
          cause: facts.error,
        },
      ),
  ),
  when('BucketAlreadyExists', (facts, call) =>
    fail('conflict', facts, call, {
      problem: `the bucket name ${quoted(call.context.bucket)} belongs to somebody else: bucket names are unique in all of AWS`,
      next: 'choose another --prefix (FACEFLEET_PREFIX)',
    }),
  ),
  when(
    'PermanentRedirect AuthorizationHeaderMalformed IllegalLocationConstraintException TemporaryRedirect',
    regionIsWrong,
  ),
  when(
    'PreconditionFailed',
    (facts, call) =>
      new PreconditionFailedError('the object exists, or is another version, or is gone', {
        context: call.context,
        cause: facts.error,
      }),
  ),
  when(
    'QueueDoesNotExist AWS.SimpleQueueService.NonExistentQueue',
    (facts, call) =>
      new NotFoundError(
        `there is no queue ${quoted(call.context.queue)}${inRegion(call)}; the controller makes it again within a minute, or the web tier if answers go there`,
        {
          context: call.context,
          cause: facts.error,
        },
      ),
  ),
  when(
    'QueueDeletedRecently AWS.SimpleQueueService.QueueDeletedRecently',
    (facts, call) =>
      new UnavailableError(
        'the queue was deleted a moment ago, and SQS gives its name away again after 60 s',
        {
          context: call.context,
          cause: facts.error,
        },
      ),
  ),
  when(
    'SlowDown Throttling ThrottlingException ThrottledException RequestThrottled RequestThrottledException TooManyRequestsException RequestLimitExceeded BandwidthLimitExceeded LimitExceededException PriorRequestNotComplete OverLimit EC2ThrottledException KmsThrottled',
    (facts, call) =>
      new ThrottledError(`AWS asks for fewer calls of ${call.action}`, {
        context: call.context,
        cause: facts.error,
      }),
  ),
  when(
    'ConditionalRequestConflict OperationAborted',
    (facts, call) =>
      new UnavailableError('another write of the same object was under way', {
        context: call.context,
        cause: facts.error,
      }),
  ),
  when(
    'InvalidMessageContents InvalidBucketName InvalidAddress InvalidRequest InvalidArgument',
    (facts, call) =>
      new FacefleetError('bad-request', facts.message, { context: call.context, cause: facts.error }),
  ),
  when(
    'EntityTooLarge MetadataTooLarge KeyTooLongError BatchRequestTooLong',
    (facts, call) =>
      new FacefleetError('limit-exceeded', facts.message, { context: call.context, cause: facts.error }),
  ),
  when(
    'ECONNREFUSED ENOTFOUND EAI_AGAIN EHOSTUNREACH ENETUNREACH CERT_HAS_EXPIRED ERR_TLS_CERT_ALTNAME_INVALID DEPTH_ZERO_SELF_SIGNED_CERT',
    nobodyAnswers,
  ),
  when('MissingRegion', (facts, call) =>
    fail('config-invalid', facts, call, {
      problem: 'no AWS region is set',
      next: 'set AWS_REGION (in the environment or .env), or --aws-region',
    }),
  ),
];

/** What the code does not tell the status may. */
function byStatus(facts: SdkFacts, call: AwsCall): FacefleetError {
  const { status } = facts;
  const options = { context: call.context, cause: facts.error };
  if (status === 403) return permissionIsMissing(facts, call);
  if (status === 301 || status === 307 || (status === 400 && facts.bucketRegion !== undefined)) {
    return regionIsWrong(facts, call);
  }
  if (status === 412) return new PreconditionFailedError('the object is another version', options);
  if (status === 429) return new ThrottledError(`AWS asks for fewer calls of ${call.action}`, options);
  if (status === undefined || status >= 500 || facts.isNetworkFailure) {
    return new UnavailableError(`${call.action} failed${at(call)}: ${facts.message}`, options);
  }
  return new FacefleetError(
    'internal',
    `${call.action} was refused with ${status} ${facts.code}: ${facts.message}`,
    options,
  );
}

/** AWS's own words name who lacks what, and are the best lead there is. */
function permissionIsMissing(facts: SdkFacts, call: AwsCall): FacefleetError {
  const said = /(?:User|Principal|role)?:? ?(arn:\S+).*not authorized to perform: ?([\w-]+:\w+)/i.exec(
    facts.message,
  );
  const who = said?.[1] ?? 'the role or user that this runs as';
  const action = said?.[2] ?? call.action;
  const isRead = call.action === 's3:GetObject';
  return fail('permission-denied', facts, call, {
    problem: `${who} may not ${action}`,
    next: `allow ${action} in its policy${isRead ? ', and s3:ListBucket on the bucket: without it S3 says the same of an object that is not there' : ''}`,
  });
}

function clockIsOff(facts: SdkFacts, call: AwsCall): FacefleetError {
  const seconds =
    facts.serverTime === undefined ? undefined : Math.round((Date.now() - facts.serverTime) / 1000);
  const by =
    seconds === undefined ? '' : ` by ${Math.abs(seconds)} s (it is ${seconds < 0 ? 'behind' : 'ahead'})`;
  return fail('permission-denied', facts, call, {
    problem: `the clock of this machine is off${by}, so AWS refuses its signatures`,
    next: 'set the clock, and keep it set with chrony or systemd-timesyncd',
  });
}

function regionIsWrong(facts: SdkFacts, call: AwsCall): FacefleetError {
  const there = facts.bucketRegion === undefined ? 'another region' : `the region ${facts.bucketRegion}`;
  return fail('config-invalid', facts, call, {
    problem: `the bucket ${quoted(call.context.bucket)} is in ${there}, not${call.region === undefined ? ' here' : ` in ${call.region}`}`,
    next: `set AWS_REGION${facts.bucketRegion === undefined ? ' to the region of the bucket' : ` to ${facts.bucketRegion}`}`,
  });
}

function nobodyAnswers(facts: SdkFacts, call: AwsCall): FacefleetError {
  const next =
    call.endpoint === undefined
      ? 'check the network, and AWS_REGION: a mistyped region has no address'
      : 'check AWS_ENDPOINT_URL and the ones for single services, and whether the service runs';
  return new UnavailableError(`nothing answers${at(call)} (${facts.code}); ${next}`, {
    context: call.context,
    cause: facts.error,
  });
}

function fail(
  code: ErrorCode,
  facts: SdkFacts,
  call: AwsCall,
  { problem, next }: { problem: string; next: string },
): FacefleetError {
  const context = { ...call.context, action: call.action };
  return new FacefleetError(code, `${problem}; ${next}`, { context, cause: facts.error });
}

const isAboutTime = ({ message }: SdkFacts) => /signature (?:expired|not yet current)/i.test(message);
const at = ({ endpoint }: AwsCall) => (endpoint === undefined ? '' : ` at ${endpoint}`);
const inRegion = ({ region }: AwsCall) => (region === undefined ? '' : ` in ${region}`);
const quoted = (name: unknown) => JSON.stringify(name ?? '');
