import { systemClock } from '../../src/adapters/local/system-clock.ts';
import { fleetContract } from '../contract/fleet.contract.ts';
import { MemoryFleet, MemoryMachines } from './memory-fleet.ts';

fleetContract('MemoryFleet', async () => {
  const machines = new MemoryMachines(systemClock);
  const fleet = new MemoryFleet({ machines });
  return {
    fleet,
    another: () => new MemoryFleet({ machines }),
    neighbour: () => new MemoryFleet({ machines, name: 'neighbour' }),
    crash: async (id) => fleet.end(id),
    countRunning: async () => machines.all().filter(({ state }) => state === 'running').length,
    [Symbol.asyncDispose]: async () => {},
  };
});
