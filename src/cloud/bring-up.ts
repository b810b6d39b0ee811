import { randomBytes } from 'node:crypto';

import { FacefleetError, NotFoundError } from '../errors.ts';
import { bucketNames } from '../jobs/keys.ts';
import type { Clock } from '../ports/clock.ts';
import type { CloudAccount, ResourceChange, Stack, StackParameters, StackPlan } from './account.ts';
import type { ProgramArchive } from './program-archive.ts';
import { parametersOfTemplate } from './stack-parameters.ts';
import { isInProgress, isStillborn, untilSettled } from './stack-runner.ts';
import type { Talk } from './talk.ts';

export interface BringUpRequest {
  readonly account: CloudAccount;
  readonly clock: Clock;
  readonly talk: Talk;
  readonly signal: AbortSignal;
  /** The prefix of all names, and the stack's name. */
  readonly fleet: string;
  readonly template: string;
  /** What somebody has set; the rest stays as it is in the running stack, or takes the template's default. */
  readonly parameters: StackParameters;
  /** Empty: those that are stored, or a new one. */
  readonly apiKeys: readonly string[];
  readonly program: ProgramArchive;
  readonly isDryRun: boolean;
  /** False: `update`, which creates nothing. */
  readonly mayCreate: boolean;
}

export interface BroughtUp {
  readonly url: string | undefined;
  /** Name of the SecureString with the API keys, if there are any. */
  readonly keysParameter: string | undefined;
  /** Nothing had to be changed. */
  readonly wasUpToDate: boolean;
}

export const apiKeysParameter = (fleet: string): string => `/facefleet/${fleet}/api-keys`;

/**
 * Makes the system on AWS what the parameters say, whatever it was: created, changed, or left alone. First the stack without
 * instances, so that there is a bucket for the program; then the program; then the stack with it.
 *
 * Resolves to undefined when it was a dry run, or somebody said no.
 */
export async function bringUp(request: BringUpRequest): Promise<BroughtUp | undefined> {
  const { account, fleet, talk, program } = request;
  checkNames(request);
  const stack = await usableStack(request);
  const base = await baseParameters(request, stack);
  if (!program.hasPage)
    talk.say('note: the page at /ui is not built (npm run build:page), so the web tier will have none');
  if (stack?.parameters.SourceObject === program.key) {
    return applyAll(request, { ...base, SourceObject: program.key }, stack);
  }
  if (
    stack === undefined ||
    stack.parameters.SourceObject === undefined ||
    stack.parameters.SourceObject === ''
  ) {
    const first = await account.stacks.plan({
      stack: fleet,
      template: request.template,
      parameters: { ...base, SourceObject: '' },
    });
    if (!(await agreed(request, first, ['then: upload the program, and start the web instance with it'])))
      return undefined;
    await storeKeys(request, base);
    await settle(request, first);
    await upload(request);
    const second = await account.stacks.plan({
      stack: fleet,
      template: request.template,
      parameters: { SourceObject: program.key },
    });
    await settle(request, second);
    return outcome(request, false);
  }
  return applyAll(request, { ...base, SourceObject: program.key }, stack);
}

/** One change of a stack that has instances already. */
async function applyAll(
  request: BringUpRequest,
  parameters: StackParameters,
  stack: Stack,
): Promise<BroughtUp | undefined> {
  const { account, fleet, template, program } = request;
  const plan = await account.stacks.plan({ stack: fleet, template, parameters });
  const isNewProgram = stack.parameters.SourceObject !== program.key;
  const mustUpload = !(await account.storage.has(bucketNames(fleet).state, program.key));
  const isRekeyed = request.apiKeys.length > 0 && (await areKeysNew(request));
  if (plan.changes.length === 0 && !mustUpload && !isRekeyed) {
    await account.stacks.discard(plan);
    request.talk.say('everything is as it should be');
    return outcome(request, true);
  }
  const further = isNewProgram ? ['first: upload the program', ...imageNote(parameters, stack)] : [];
  if (!(await agreed(request, plan, further))) return undefined;
  await storeKeys(request, parameters);
  if (mustUpload) await upload(request);
  if (plan.changes.length > 0) await settle(request, plan);
  else await account.stacks.discard(plan);
  return outcome(request, false);
}

function imageNote(parameters: StackParameters, stack: Stack): string[] {
  const image = parameters.WorkerImage ?? stack.parameters.WorkerImage ?? '';
  if (image === '') return [];
  return [
    `note: ${image} has the program of before, so workers install the new one at their first boot: bake again`,
  ];
}

/** @throws FacefleetError `bad-request` for parameters that the template has not. */
function checkNames({ template, parameters }: BringUpRequest): void {
  const known = parametersOfTemplate(template);
  const unknown = Object.keys(parameters).filter((name) => !known.has(name));
  if (unknown.length === 0) return;
  throw new FacefleetError(
    'bad-request',
    `the template has no parameter ${unknown.join(', ')}; it has ${[...known.keys()].join(', ')}`,
  );
}

/** The stack if it can be changed; one whose creation failed is removed first. */
async function usableStack(request: BringUpRequest): Promise<Stack | undefined> {
  const { account, fleet, talk, isDryRun } = request;
  const stack = await account.stacks.describe(fleet);
  if (stack === undefined) {
    if (request.mayCreate) return undefined;
    throw new NotFoundError(
      `there is no stack ${fleet} in ${(await account.whoAmI()).region}; \`facefleet aws up\` creates it`,
    );
  }
  if (stack.status !== 'REVIEW_IN_PROGRESS' && isInProgress(stack)) {
    throw new FacefleetError(
      'conflict',
      `the stack ${fleet} is ${stack.status}: somebody changes it right now; wait until \`facefleet aws status\` says it is done`,
    );
  }
  if (!isStillborn(stack)) return stack;
  talk.say(
    `the stack ${fleet} is ${stack.status}, left by an attempt that failed${isDryRun ? '; it would be removed first' : '; removing it first'}`,
  );
  if (!isDryRun) {
    await account.stacks.remove(fleet);
    await untilSettled(stack.id, watching(request));
  }
  return undefined;
}

/** What was set, and what nobody has to know: the default network, where the keys are. */
async function baseParameters(request: BringUpRequest, stack: Stack | undefined): Promise<StackParameters> {
  const { account, fleet, parameters } = request;
  const isAnonymous = (parameters.AllowAnonymous ?? stack?.parameters.AllowAnonymous) === 'true';
  const keys = parameters.ApiKeysParameter ?? stack?.parameters.ApiKeysParameter ?? '';
  const withKeys = keys === '' && (!isAnonymous || request.apiKeys.length > 0);
  const chosen = {
    Prefix: fleet,
    ...parameters,
    ...(withKeys ? { ApiKeysParameter: apiKeysParameter(fleet) } : {}),
  };
  if (stack !== undefined || (parameters.VpcId !== undefined && parameters.Subnets !== undefined))
    return chosen;
  const network = await account.machines.defaultNetwork();
  if (network === undefined || network.subnets.length === 0) {
    throw new FacefleetError(
      'config-invalid',
      'the account has no default network in this region: name one with --set VpcId=vpc-… --subnets subnet-…,subnet-…, or make the default one with `aws ec2 create-default-vpc`',
    );
  }
  return { VpcId: network.vpcId, Subnets: network.subnets.map(({ id }) => id).join(','), ...chosen };
}

/** Shows the plan and asks. False: nothing was changed, and the plan is forgotten. */
async function agreed(
  request: BringUpRequest,
  plan: StackPlan,
  further: readonly string[],
): Promise<boolean> {
  const { account, talk, isDryRun } = request;
  for (const line of planLines(plan)) talk.say(line);
  for (const line of further) talk.say(line);
  if (!isDryRun && (await talk.confirm(plan.isNew ? 'Create this?' : 'Change this?'))) return true;
  await account.stacks.discard(plan);
  return false;
}

export function planLines({ changes, isNew, stack }: StackPlan): string[] {
  const count = `${changes.length} ${changes.length === 1 ? 'change' : 'changes'}`;
  return [
    isNew ? `the stack ${stack} would be new, with ${count}:` : `${count} of the stack ${stack}:`,
    ...changes.map(changeLine),
  ];
}

function changeLine({ action, resource, type, isReplaced }: ResourceChange): string {
  const sign = { Add: '+', Modify: isReplaced ? '±' : '~', Remove: '-', Import: '↑', Dynamic: '?' }[action];
  const note = isReplaced
    ? ', a new one takes its place'
    : action === 'Import'
      ? ', was left by an earlier stack'
      : '';
  return `  ${sign} ${resource} (${type.replace('AWS::', '')}${note})`;
}

async function storeKeys(request: BringUpRequest, parameters: StackParameters): Promise<void> {
  const { account, apiKeys, talk } = request;
  const name = parameters.ApiKeysParameter ?? apiKeysParameter(request.fleet);
  if (parameters.ApiKeysParameter === undefined && apiKeys.length === 0) return;
  if (apiKeys.length > 0) return account.secrets.write(name, apiKeys.join(','));
  if (await account.secrets.has(name)) return;
  await account.secrets.write(name, randomBytes(24).toString('base64url'));
  talk.say(`made an API key, in Parameter Store at ${name}`);
}

async function areKeysNew({ account, apiKeys, fleet }: BringUpRequest): Promise<boolean> {
  return (await account.secrets.read(apiKeysParameter(fleet))) !== apiKeys.join(',');
}

async function upload({ account, fleet, program, talk }: BringUpRequest): Promise<void> {
  await account.storage.put(bucketNames(fleet).state, program.key, program.bytes);
  talk.say(`uploaded the program (${(program.bytes.length / 1e6).toFixed(1)} MB) as ${program.key}`);
}

async function settle(request: BringUpRequest, plan: StackPlan): Promise<void> {
  const { account } = request;
  if (plan.changes.length === 0) return account.stacks.discard(plan);
  const stack = await account.stacks.describe(plan.stack);
  await account.stacks.carryOut(plan);
  await untilSettled(stack?.id ?? plan.stack, watching(request));
}

function watching({ account, clock, talk, signal }: BringUpRequest) {
  return {
    stacks: account.stacks,
    clock,
    signal,
    onEvent: ({
      resource,
      status,
      reason,
    }: {
      resource: string;
      status: string;
      reason: string | undefined;
    }) => {
      if (!status.endsWith('_IN_PROGRESS'))
        talk.say(`  ${status.toLowerCase().replaceAll('_', ' ')}  ${resource}${reason ? `: ${reason}` : ''}`);
    },
  };
}

async function outcome({ account, fleet }: BringUpRequest, wasUpToDate: boolean): Promise<BroughtUp> {
  const stack = await account.stacks.describe(fleet);
  const keys = stack?.parameters.ApiKeysParameter;
  return { url: stack?.outputs.Url, keysParameter: keys === '' ? undefined : keys, wasUpToDate };
}
