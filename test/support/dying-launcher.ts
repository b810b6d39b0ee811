/** A controller process that launches one instance and kills itself at the moment that it is told. */
import { InstanceRegistry } from '../../src/adapters/local/instance-registry.ts';
import { ProcessFleet, type ProcessFleetOptions } from '../../src/adapters/local/process-fleet.ts';
import { systemClock } from '../../src/adapters/local/system-clock.ts';
import { silentLogger } from '../../src/logger.ts';

const [, , death, settings] = process.argv;
const { folder, launch }: { folder: string; launch: ProcessFleetOptions['launch'] } = JSON.parse(
  settings ?? '',
);

function die(): Promise<never> {
  process.kill(process.pid, 'SIGKILL');
  return new Promise(() => {});
}

const claim = InstanceRegistry.prototype.claim;
InstanceRegistry.prototype.claim = async function (...args) {
  if (death === 'before the claim') await die();
  const isOurs = await claim.apply(this, args);
  if (death === 'after the claim') await die();
  return isOurs;
};

const fleet = new ProcessFleet({
  name: 'test',
  folder: `${folder}/fleet`,
  logDir: `${folder}/logs`,
  launch,
  logger: silentLogger,
  clock: systemClock,
});
await fleet.launch({ slot: 1, generation: 1, token: 'token' });
await die();
