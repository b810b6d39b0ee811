import { FacefleetError } from '../errors.ts';
import { bucketNames } from '../jobs/keys.ts';
import type { Clock } from '../ports/clock.ts';
import type { CloudAccount, Stack } from './account.ts';
import { RELEASES } from './program-archive.ts';
import type { Talk } from './talk.ts';

const LOOK_MS = 5000;
const BUILDING_MS = 20 * 60_000;
const IMAGING_MS = 30 * 60_000;
/** The running one, and one to go back to. */
const KEEP_IMAGES = 2;

export interface BakeRequest {
  readonly account: CloudAccount;
  readonly clock: Clock;
  readonly talk: Talk;
  readonly signal: AbortSignal;
  readonly fleet: string;
  /** Of the machine that builds; the image serves its whole architecture. */
  readonly builderType: string;
  readonly isDryRun: boolean;
}

/**
 * Makes an image of the app tier that holds the program which the stack names: a builder installs it as a worker would at its
 * first boot, says how it went in the state bucket, and stops; the image is made of what is on its disk. The builder is ended
 * whatever happens. Resolves to the image's id; undefined when it was a dry run, somebody said no, or it exists already.
 *
 * @throws FacefleetError `unavailable` with the end of the builder's log when the installation failed.
 */
export async function bake(request: BakeRequest): Promise<string | undefined> {
  const { account, fleet, talk, isDryRun } = request;
  const stack = await readyStack(request);
  const source = stack.parameters.SourceObject!;
  const name = imageName(fleet, source);
  const existing = (await account.machines.images(fleet)).find(
    (image) => image.name === name && image.state === 'available',
  );
  if (existing !== undefined) {
    talk.say(`${existing.id} has this program already`);
    return existing.id;
  }
  talk.say(
    `a ${request.builderType} would install ${source} on ${stack.resolved.BaseImage}, and become the image ${name}`,
  );
  if (isDryRun || !(await talk.confirm('Bake it?'))) return undefined;
  const builder = await launch(request, stack, source);
  try {
    await untilBuilt(request, builder);
    const image = await account.machines.createImage({ fleet, instance: builder, name });
    await untilAvailable(request, image);
    await removeOld(request, image);
    return image;
  } finally {
    await account.machines.terminate(fleet, [builder]);
    talk.say(`ended the builder ${builder}`);
  }
}

/** Says in its name what is in it. */
export function imageName(fleet: string, source: string): string {
  return `${fleet}-app-tier-${source.slice(RELEASES.length).replace(/^facefleet-|\.tgz$/g, '')}`;
}

/**
 * The script of the builder. Its outcome goes into the bucket, since nobody can look into a machine that has stopped. What
 * makes a machine itself (its id, its keys, what cloud-init knows of it) is removed, so that each worker is another one.
 */
export function builderScript(bucket: string, source: string, region: string): string {
  return `#!/bin/bash
set -uo pipefail
report() {
  { echo "$1"; tail -n 40 /var/log/cloud-init-output.log; } |
    aws s3 cp --region '${region}' - "s3://${bucket}/${RELEASES}bake-$(cat /var/lib/cloud/data/instance-id)"
}
build() (
  set -e
  mkdir -p /opt/facefleet
  aws s3 cp --region '${region}' --no-progress 's3://${bucket}/${source}' - | tar -xz -C /opt/facefleet
  bash /opt/facefleet/deploy/image/install.sh
  echo '${source}' > /opt/facefleet/SOURCE
)
if build; then report ok; else report failed; fi
rm -f /etc/ssh/ssh_host_* && truncate -s 0 /etc/machine-id && cloud-init clean --logs
systemctl --no-block poweroff
`;
}

async function readyStack({ account, fleet }: BakeRequest): Promise<Stack> {
  const stack = await account.stacks.describe(fleet);
  if (stack?.parameters.SourceObject) return stack;
  throw new FacefleetError(
    'not-found',
    `there is no system ${fleet} with a program to bake; \`facefleet aws up\` comes first`,
  );
}

async function launch(request: BakeRequest, stack: Stack, source: string): Promise<string> {
  const { account, fleet, talk } = request;
  const { region } = await account.whoAmI();
  const builder = await account.machines.launchBuilder({
    fleet,
    image: stack.resolved.BaseImage ?? stack.parameters.BaseImage!,
    type: request.builderType,
    subnet: stack.parameters.Subnets!.split(',')[0]!,
    securityGroup: stack.outputs.WorkerSecurityGroupId!,
    profileArn: stack.outputs.WorkerProfileArn!,
    userData: builderScript(bucketNames(fleet).state, source, region),
  });
  talk.say(`launched the builder ${builder}; it installs for some minutes`);
  return builder;
}

async function untilBuilt(request: BakeRequest, builder: string): Promise<void> {
  const { account, fleet, talk } = request;
  await until(request, BUILDING_MS, `the builder ${builder} to stop`, async () => {
    const found = (await account.machines.instances(fleet)).find(({ id }) => id === builder);
    if (found === undefined)
      throw new FacefleetError('unavailable', `the builder ${builder} is gone before it was done`);
    return found.state === 'stopped';
  });
  const { state } = bucketNames(fleet);
  const key = `${RELEASES}bake-${builder}`;
  const report = await account.storage.read(state, key);
  await account.storage.remove(state, key);
  if (report?.startsWith('ok')) return talk.say('it has installed the program and stopped');
  throw new FacefleetError(
    'unavailable',
    `the builder ${builder} could not install the program${report === undefined ? ', and left no report: may it write to the state bucket?' : `:\n${report}`}`,
  );
}

async function untilAvailable(request: BakeRequest, image: string): Promise<void> {
  const { account, fleet } = request;
  await until(request, IMAGING_MS, `the image ${image} to be available`, async () => {
    const found = (await account.machines.images(fleet)).find(({ id }) => id === image);
    if (found?.state === 'failed')
      throw new FacefleetError('unavailable', `AWS could not make the image ${image}`);
    return found?.state === 'available';
  });
}

async function removeOld({ account, fleet, talk }: BakeRequest, newest: string): Promise<void> {
  const images = await account.machines.images(fleet);
  const others = images
    .filter(({ id }) => id !== newest)
    .sort((one, other) => other.createdAt.getTime() - one.createdAt.getTime());
  for (const image of others.slice(KEEP_IMAGES - 1)) {
    await account.machines.removeImage(image);
    talk.say(`removed the old image ${image.id}`);
  }
}

async function until(
  request: BakeRequest,
  withinMs: number,
  what: string,
  look: () => Promise<boolean>,
): Promise<void> {
  const { clock, signal } = request;
  const deadline = clock.monotonic() + withinMs;
  while (!(await look())) {
    if (clock.monotonic() > deadline)
      throw new FacefleetError('timeout', `waited ${withinMs / 60_000} minutes in vain for ${what}`);
    await clock.sleep(LOOK_MS, signal);
    signal.throwIfAborted();
  }
}
