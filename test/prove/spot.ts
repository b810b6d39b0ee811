import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { AwsService } from '../support/aws-service.ts';
import { eventually } from '../support/eventually.ts';
import { type Check, enrolSitters, inParallel, picturesOf, post } from './check.ts';

/** A worker looks for notices every five seconds and leaves five before the end. */
const NOTICE_SECONDS = 12;
const BACK_TO_ZERO_SECONDS = 90;

/** What EC2 does to spot instances, on real workers that hear of it by their instance metadata. */
export const spot: Check = {
  name: 'spot',
  promise:
    'every spot instance is interrupted, the spot market runs dry, EC2 throttles: on-demand instances take over, and no picture is lost',
  async run({ whole, seed }) {
    await using service = await AwsService.start({
      environment: { FACEFLEET_MARKET: 'spot', FACEFLEET_CONTROLLER_PORT: '0' },
    });
    const { ec2 } = service;
    const people = await enrolSitters(service);
    await eventually('no instance lives', () => service.living === 0, BACK_TO_ZERO_SECONDS);
    const before = ec2.hypervisor.instances.size;

    ec2.faults.throttle('CreateFleet', { burst: 1, perSecond: 1 });
    const pictures = await picturesOf(people, { count: whole ? 200 : 40, seed, sidePx: 160 });
    // Asked for until the interrupted one was replaced: there is always work in hand.
    let isReplaced = false;
    let asked = 0;
    const answering = inParallel(pictures.slice(0, 8), 8, async () => {
      while (!isReplaced) {
        const { bytes, name } = pictures[asked % pictures.length]!;
        const fileName = `spot_${asked++}.jpg`;
        const { text } = await post(service.url, bytes, { fileName });
        assert.equal(text, `${fileName.replace('.jpg', '')}:${name}`);
      }
    });
    const replaced = (async () => {
      try {
        const victim = await interruptOne(service);
        await eventually(
          'an on-demand instance works',
          () => ec2.inState('running').some(({ id, isSpot }) => !isSpot && isAtWork(service, id)),
          BACK_TO_ZERO_SECONDS,
        );
        return victim;
      } finally {
        isReplaced = true;
      }
    })();
    const [victim] = await Promise.all([replaced, answering]);
    await eventually('the interrupted one has gone', () => victim.state === 'terminated', 60);
    assert.match(logOf(service, victim.id), /"reason":"reclaimed"/);
    await eventually('no instance lives', () => service.living === 0, BACK_TO_ZERO_SECONDS);
    assert.deepEqual(service.queued, { requests: 0, responses: 0, deadLetters: 0 });

    const launched = [...ec2.hypervisor.instances.values()];
    for (const { tags } of launched) {
      assert.match(tags.get('Name') ?? '', /^app-tier-instance-[12]$/);
      assert.equal(tags.get('facefleet:fleet'), service.prefix);
    }
    const places = launched.map(
      ({ tags }) => `${tags.get('facefleet:slot')}/${tags.get('facefleet:generation')}`,
    );
    assert.equal(new Set(places).size, places.length, 'no launch gave two instances');
    return { pictures: asked, launches: launched.length - before };
  },
};

/** Gives notice to one that works, and takes the spot market away. */
async function interruptOne(service: AwsService) {
  const { ec2 } = service;
  const victim = await eventually(
    'a spot instance works',
    () => ec2.inState('running').find(({ id, isSpot }) => isSpot && isAtWork(service, id)),
    BACK_TO_ZERO_SECONDS,
  );
  ec2.region.limit({ market: 'spot' }, 0);
  for (const { id, isSpot } of ec2.inState('running')) {
    if (isSpot) ec2.hypervisor.interrupt(id, NOTICE_SECONDS);
  }
  return victim;
}

const isAtWork = (service: AwsService, instanceId: string) =>
  logOf(service, instanceId).includes('ready for jobs');

function logOf(service: AwsService, instanceId: string): string {
  try {
    return readFileSync(join(service.dataDir, `${instanceId}.log`), 'utf8');
  } catch {
    // Not begun yet.
    return '';
  }
}
