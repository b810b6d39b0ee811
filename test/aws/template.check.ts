import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

import { SETTINGS } from '../../src/config.ts';
import { runCommand } from '../support/service.ts';
import { judge, type Moto, startMoto } from './python.ts';

const path = join(import.meta.dirname, '..', '..', 'deploy', 'cloudformation', 'facefleet.yaml');
let moto: Moto;

before(async () => {
  moto = await startMoto();
});
after(() => moto[Symbol.asyncDispose]());

test('cfn-lint has nothing to say, informational rules included, in several regions', async () => {
  assert.deepEqual(await judge('template_judge.py', 'lint', path), []);
});

interface Statement {
  readonly Sid?: string;
  readonly Effect: string;
  readonly Action: string | string[];
  readonly Resource: unknown;
  readonly Condition?: Record<string, Record<string, unknown>>;
}

interface Resource {
  readonly Type: string;
  readonly Properties: {
    readonly Policies?: { readonly PolicyDocument: { readonly Statement: Statement[] } }[];
    readonly PolicyDocument?: { readonly Statement: Statement[] };
    readonly Roles?: unknown[];
  };
}

interface Template {
  readonly Parameters: Record<string, { readonly Default?: unknown }>;
  readonly Resources: Record<string, Resource>;
}

async function readTemplate(): Promise<Template> {
  return (await judge('template_judge.py', 'read', path)) as Template;
}

const actionsOf = (statements: readonly Statement[]) => statements.flatMap(({ Action }) => Action).sort();

test('each role lists what it may do; only the controller may launch and end, and only what is ours', async () => {
  const { Resources } = await readTemplate();
  const statementsOf = (role: string) =>
    Resources[role]!.Properties.Policies!.flatMap(({ PolicyDocument }) => PolicyDocument.Statement);
  for (const role of ['WorkerRole', 'WebRole', 'ControllerRole']) {
    for (const action of actionsOf(statementsOf(role)))
      assert.doesNotMatch(action, /\*/, `${role} ${action}`);
  }
  const touchesEc2 = (action: string) => /^(ec2|iam|autoscaling):/.test(action);
  assert.deepEqual(actionsOf(statementsOf('WorkerRole')).filter(touchesEc2), []);
  assert.deepEqual(actionsOf(statementsOf('WebRole')).filter(touchesEc2), []);
  for (const statement of statementsOf('ControllerRole')) {
    const actions = [statement.Action].flat();
    if (statement.Resource === '*') assert.deepEqual(actions, ['ec2:DescribeInstances']);
    if (actions.includes('ec2:TerminateInstances')) {
      assert.ok(statement.Condition?.StringEquals?.['aws:ResourceTag/facefleet:fleet'] !== undefined);
      assert.ok(statement.Condition?.StringLike?.['aws:ResourceTag/Name'] !== undefined);
    }
    if (actions.includes('ec2:RunInstances'))
      assert.ok(statement.Condition?.ArnLike?.['ec2:LaunchTemplate'] !== undefined);
    if (actions.includes('iam:PassRole')) assert.deepEqual(statement.Resource, { GetAtt: 'WorkerRole.Arn' });
  }
});

/** Parameters that say something of AWS alone. */
const OF_AWS = new Set([
  ...[
    'SourceObject',
    'WebInstanceType',
    'WebCidr',
    'ApiKeysParameter',
    'ElasticIp',
    'LoadBalancer',
    'CertificateArn',
  ],
  ...[
    'WorkerImage',
    'Versioning',
    'ExpireDays',
    'ExpireNoncurrentDays',
    'LogRetentionDays',
    'VpcId',
    'BaseImage',
    'SessionManager',
  ],
]);

test('parameters bear the names of the settings that they set, and what they set exists', async () => {
  const { Parameters } = await readTemplate();
  for (const name of Object.keys(Parameters).filter((one) => !OF_AWS.has(one))) {
    assert.ok(`${name[0]!.toLowerCase()}${name.slice(1)}` in SETTINGS, name);
  }
  const known = new Set(Object.values(SETTINGS).flatMap(({ variables }) => variables));
  for (const [, variable = ''] of readFileSync(path, 'utf8').matchAll(/^ +((?:FACEFLEET|AWS)_\w+)=/gm)) {
    assert.ok(known.has(variable), variable);
  }
});

interface Made {
  readonly status: string;
  readonly outputs: Record<string, string>;
  readonly buckets: string[];
  readonly requests: Record<string, string>;
  readonly responses: Record<string, string>;
  readonly dead: Record<string, string>;
  readonly instances: Record<string, string>[];
  readonly template: {
    readonly InstanceInitiatedShutdownBehavior: string;
    readonly MetadataOptions: Record<string, unknown>;
    readonly InstanceType: string;
  };
  readonly userData: string;
}

async function create(prefix: string, parameters: Record<string, string>): Promise<Made> {
  const words = [path, moto.endpoint, prefix, JSON.stringify(parameters)];
  return (await judge('template_judge.py', 'create', ...words)) as Made;
}

test('a stack by its defaults has what the contract names, and no instance before there is a program', async () => {
  const made = await create('plain', {});
  assert.equal(made.status, 'CREATE_COMPLETE');
  assert.deepEqual(made.buckets, ['plain-in-bucket', 'plain-out-bucket', 'plain-state-bucket']);
  assert.equal(made.requests.MaximumMessageSize, '1024');
  assert.deepEqual(JSON.parse(made.requests.RedrivePolicy!), {
    deadLetterTargetArn: made.dead.QueueArn,
    maxReceiveCount: 100,
  });
  assert.equal(made.responses.MessageRetentionPeriod, '3600');
  assert.deepEqual(made.instances, []);
  assert.equal(made.template.InstanceInitiatedShutdownBehavior, 'terminate');
  assert.deepEqual(made.template.MetadataOptions, {
    HttpTokens: 'required',
    HttpPutResponseHopLimit: 1,
    InstanceMetadataTags: 'enabled',
  });
  assert.equal(made.template.InstanceType, 'c7i.large');
  assert.match(made.userData, /^FACEFLEET_PREFIX=plain$/m);
});

test('a stack with everything on has web instance, address or load balancer, and what was asked for', async () => {
  const parameters = {
    ...{
      SourceObject: 'releases/a.tgz',
      Dialect: 'course',
      MaxMessageBytes: '4096',
      Versioning: 'true',
      ExpireDays: '30',
    },
    ...{
      LoadBalancer: 'true',
      ElasticIp: 'true',
      ApiKeysParameter: '/facefleet/full/api-keys',
      SessionManager: 'true',
    },
    ...{ InstanceTypes: 'c7g.large,m7g.large', KmsKey: 'arn:aws:kms:us-east-1:123456789012:key/1234' },
  };
  const made = await create('full', parameters);
  assert.equal(made.status, 'CREATE_COMPLETE');
  assert.equal(made.requests.MaximumMessageSize, '4096');
  assert.deepEqual(
    made.instances,
    [{ Name: 'web-instance', 'facefleet:fleet': 'full' }].map((tags) => ({ ...made.instances[0], ...tags })),
  );
  assert.match(made.outputs.Url ?? '', /^http:\/\/.*elb/);
  assert.equal(made.template.InstanceType, 'c7g.large');
  assert.match(made.userData, /^FACEFLEET_DIALECT=course$/m);
});

test('`aws up`, `status`, `doctor` and `down` speak to somebody else’s AWS', async () => {
  const aws = (...words: string[]) => runCommand(['aws', ...words, '--prefix', 'ada'], environment());
  const plan = await aws('up', '--dry-run');
  assert.equal(plan.code, 0, plan.stderr);
  assert.match(plan.stdout, /StateBucket/);
  const up = await aws('up', '--yes');
  assert.equal(up.code, 0, up.stderr);
  const status = JSON.parse((await aws('status', '--json')).stdout) as {
    stack: { status: string };
    buckets: Record<string, string>;
  };
  assert.equal(status.stack.status, 'CREATE_COMPLETE');
  assert.deepEqual(Object.values(status.buckets), ['ours', 'ours', 'ours']);
  const doctor = await runCommand(
    ['doctor', '--json', '--on', 'aws', '--prefix', 'ada', '--instance-types', 'c5.large'],
    environment(),
  );
  const findings = JSON.parse(doctor.stdout) as { check: string; level: string; what: string }[];
  assert.deepEqual(
    findings.filter(({ level }) => level === 'fail'),
    [],
  );
  const down = await aws('down', '--yes', '--delete-data');
  assert.equal(down.code, 0, down.stderr);
  assert.match(down.stdout, /nothing is left/);
  assert.deepEqual(await judge('template_judge.py', 'left', moto.endpoint, 'ada'), []);
});

/** Under which any client finds the moto. */
function environment(): Record<string, string> {
  return {
    AWS_ENDPOINT_URL: moto.endpoint,
    AWS_ACCESS_KEY_ID: 'test',
    AWS_SECRET_ACCESS_KEY: 'test-secret',
    AWS_REGION: 'us-east-1',
  };
}
