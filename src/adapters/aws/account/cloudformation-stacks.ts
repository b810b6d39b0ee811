import { setTimeout as sleep } from 'node:timers/promises';
import {
  type Change,
  CloudFormationClient,
  CreateChangeSetCommand,
  DeleteChangeSetCommand,
  DeleteStackCommand,
  DescribeChangeSetCommand,
  type DescribeChangeSetCommandOutput,
  DescribeStackEventsCommand,
  DescribeStacksCommand,
  ExecuteChangeSetCommand,
  type Stack as SdkStack,
} from '@aws-sdk/client-cloudformation';

import type {
  PlanRequest,
  ResourceChange,
  Stack,
  StackEvent,
  StackPlan,
  Stacks,
} from '../../../cloud/account.ts';
import { FacefleetError, NotFoundError } from '../../../errors.ts';
import type { AwsSettings } from '../client-options.ts';
import type { SdkFacts } from '../sdk-facts.ts';
import { ServiceCalls, undefinedIfMissing } from './service-calls.ts';

const PLAN_LOOK_MS = 1000;
const PLAN_PATIENCE_MS = 180_000;
/** A template that is handed over in the call, and ours is. */
const MAX_TEMPLATE_BYTES = 51_200;

/** Stacks of CloudFormation. Each change is worked out as a change set first, then executed. */
export class CloudFormationStacks implements Stacks {
  readonly #calls: ServiceCalls;
  readonly #client: CloudFormationClient;
  readonly #lookMs: number;

  constructor(settings: AwsSettings, { lookMs = PLAN_LOOK_MS } = {}) {
    this.#calls = new ServiceCalls('cloudformation', settings);
    this.#client = new CloudFormationClient(this.#calls.clientConfig());
    this.#lookMs = lookMs;
  }

  async describe(name: string): Promise<Stack | undefined> {
    const ask = () => this.#client.send(new DescribeStacksCommand({ StackName: name }));
    const found = await this.#calls
      .run('DescribeStacks', { stack: name }, ask, { special: MISSING })
      .catch(undefinedIfMissing);
    const stack = found?.Stacks?.[0];
    return stack === undefined ? undefined : stackOf(stack);
  }

  async plan({ stack, template, parameters }: PlanRequest): Promise<StackPlan> {
    if (Buffer.byteLength(template) > MAX_TEMPLATE_BYTES) {
      throw new FacefleetError(
        'limit-exceeded',
        `the template has ${Buffer.byteLength(template)} bytes, CloudFormation takes ${MAX_TEMPLATE_BYTES}`,
      );
    }
    const before = await this.describe(stack);
    const isNew = before === undefined || before.status === 'REVIEW_IN_PROGRESS';
    const kept = isNew
      ? []
      : Object.keys(before.parameters).filter(
          (name) => !(name in parameters) && hasParameter(template, name),
        );
    const input = {
      StackName: stack,
      ChangeSetName: `facefleet-${Date.now().toString(36)}`,
      ChangeSetType: isNew ? ('CREATE' as const) : ('UPDATE' as const),
      TemplateBody: template,
      Parameters: [
        ...Object.entries(parameters).map(([ParameterKey, ParameterValue]) => ({
          ParameterKey,
          ParameterValue,
        })),
        ...kept.map((ParameterKey) => ({ ParameterKey, UsePreviousValue: true })),
      ],
      Capabilities: ['CAPABILITY_IAM' as const],
      // Buckets stay when a stack goes; the next one takes them up.
      ImportExistingResources: isNew,
      Tags: [{ Key: 'facefleet:fleet', Value: stack }],
    };
    const ask = () => this.#client.send(new CreateChangeSetCommand(input));
    const { Id: id } = await this.#calls.run('CreateChangeSet', { stack }, ask, { special: INVALID });
    if (id === undefined) throw new FacefleetError('internal', 'CloudFormation named no change set');
    return { id, stack, isNew, changes: await this.#worked(id, stack, isNew) };
  }

  async discard({ id, stack, isNew }: StackPlan): Promise<void> {
    // The empty stack that a plan is made in goes with it.
    if (isNew) return this.remove(stack);
    const ask = () => this.#client.send(new DeleteChangeSetCommand({ ChangeSetName: id, StackName: stack }));
    await this.#calls.run('DeleteChangeSet', { stack }, ask, { special: MISSING }).catch(undefinedIfMissing);
  }

  async carryOut({ id, stack }: StackPlan): Promise<void> {
    const ask = () => this.#client.send(new ExecuteChangeSetCommand({ ChangeSetName: id, StackName: stack }));
    await this.#calls.run('ExecuteChangeSet', { stack }, ask, { special: { ...MISSING, ...INVALID } });
  }

  async events(stackId: string): Promise<StackEvent[]> {
    const events: StackEvent[] = [];
    let next: string | undefined;
    do {
      const input = { StackName: stackId, ...(next === undefined ? {} : { NextToken: next }) };
      const ask = () => this.#client.send(new DescribeStackEventsCommand(input));
      const page = await this.#calls
        .run('DescribeStackEvents', { stack: stackId }, ask, { special: MISSING })
        .catch(undefinedIfMissing);
      for (const event of page?.StackEvents ?? []) {
        events.push({
          id: event.EventId ?? '',
          at: event.Timestamp ?? new Date(0),
          resource: event.LogicalResourceId ?? '',
          type: event.ResourceType ?? '',
          status: event.ResourceStatus ?? '',
          reason: event.ResourceStatusReason,
        });
      }
      next = page?.NextToken;
    } while (next !== undefined && next !== '');
    return events.reverse();
  }

  async remove(name: string): Promise<void> {
    await this.#calls.run('DeleteStack', { stack: name }, () =>
      this.#client.send(new DeleteStackCommand({ StackName: name })),
    );
  }

  destroy(): void {
    this.#client.destroy();
  }

  /** Waits until CloudFormation knows what would change. A change set of nothing fails, by design. */
  async #worked(id: string, stack: string, isNew: boolean): Promise<readonly ResourceChange[]> {
    const until = performance.now() + PLAN_PATIENCE_MS;
    for (;;) {
      const set = await this.#describeChangeSet(id, stack);
      if (set.Status === 'CREATE_COMPLETE') return (set.Changes ?? []).map(changeOf);
      if (set.Status === 'FAILED') {
        if (isEmpty(set)) return [];
        await this.discard({ id, stack, isNew, changes: [] });
        throw new FacefleetError(
          'bad-request',
          `CloudFormation refuses the change of ${stack}: ${set.StatusReason ?? 'no reason given'}`,
        );
      }
      if (performance.now() > until)
        throw new FacefleetError(
          'timeout',
          `CloudFormation has not worked out the change of ${stack} in three minutes`,
        );
      await sleep(this.#lookMs);
    }
  }

  /** All pages of it as one. */
  async #describeChangeSet(id: string, stack: string): Promise<DescribeChangeSetCommandOutput> {
    const changes: Change[] = [];
    for (let next: string | undefined; ; ) {
      const input = {
        ChangeSetName: id,
        StackName: stack,
        ...(next === undefined ? {} : { NextToken: next }),
      };
      const ask = () => this.#client.send(new DescribeChangeSetCommand(input));
      const page: DescribeChangeSetCommandOutput = await this.#calls.run(
        'DescribeChangeSet',
        { stack },
        ask,
        { special: MISSING },
      );
      changes.push(...(page.Changes ?? []));
      if (page.NextToken === undefined || page.NextToken === '') return { ...page, Changes: changes };
      next = page.NextToken;
    }
  }
}

/** `ValidationError` is CloudFormation's word for "does not exist" too. */
const MISSING = {
  ValidationError: (facts: SdkFacts) =>
    /does not exist/i.test(facts.message)
      ? new NotFoundError(facts.message, { cause: facts.error })
      : new FacefleetError('bad-request', facts.message, { cause: facts.error }),
  ChangeSetNotFound: (facts: SdkFacts) => new NotFoundError(facts.message, { cause: facts.error }),
};

const INVALID = {
  ValidationError: (facts: SdkFacts) =>
    new FacefleetError('bad-request', facts.message, { cause: facts.error }),
  InsufficientCapabilitiesException: (facts: SdkFacts) =>
    new FacefleetError('permission-denied', facts.message, { cause: facts.error }),
  InvalidChangeSetStatus: (facts: SdkFacts) =>
    new FacefleetError('conflict', `the stack was changed meanwhile: ${facts.message}; repeat the command`, {
      cause: facts.error,
    }),
};

function hasParameter(template: string, name: string): boolean {
  return new RegExp(`^ {2}${name}:$`, 'm').test(template);
}

function isEmpty({
  StatusReason: reason = '',
  Changes: changes = [],
}: DescribeChangeSetCommandOutput): boolean {
  return changes.length === 0 && /didn't contain changes|no updates are to be performed/i.test(reason);
}

function changeOf({ ResourceChange: change }: Change): ResourceChange {
  return {
    action: change?.Action === 'SyncWithActual' || change?.Action === undefined ? 'Modify' : change.Action,
    resource: change?.LogicalResourceId ?? '',
    type: change?.ResourceType ?? '',
    isReplaced: change?.Replacement === 'True',
  };
}

function stackOf(stack: SdkStack): Stack {
  const parameters = stack.Parameters ?? [];
  const pairs = (entries: readonly (readonly [string | undefined, string | undefined])[]) =>
    Object.fromEntries(
      entries.filter(([name, value]) => name !== undefined && value !== undefined),
    ) as Record<string, string>;
  return {
    id: stack.StackId ?? '',
    name: stack.StackName ?? '',
    status: stack.StackStatus ?? '',
    statusReason: stack.StackStatusReason,
    parameters: pairs(parameters.map(({ ParameterKey, ParameterValue }) => [ParameterKey, ParameterValue])),
    resolved: pairs(parameters.map(({ ParameterKey, ResolvedValue }) => [ParameterKey, ResolvedValue])),
    outputs: pairs((stack.Outputs ?? []).map(({ OutputKey, OutputValue }) => [OutputKey, OutputValue])),
  };
}
