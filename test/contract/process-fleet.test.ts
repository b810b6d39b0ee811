import { ProcessInstances } from '../support/process-instances.ts';
import { fleetContract } from './fleet.contract.ts';

fleetContract('ProcessFleet', async () => {
  const instances = new ProcessInstances();
  return {
    fleet: instances.fleet(),
    another: () => instances.fleet(),
    neighbour: () => instances.fleet({ name: 'neighbour/..' }),
    crash: (id) => instances.crash(id),
    countRunning: async () => (await instances.pids()).length,
    [Symbol.asyncDispose]: () => instances[Symbol.asyncDispose](),
  };
});
