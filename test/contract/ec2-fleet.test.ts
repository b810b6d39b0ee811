import { Ec2World } from '../support/ec2-world.ts';
import { fleetContract } from './fleet.contract.ts';

fleetContract('Ec2Fleet', async () => {
  const world = await Ec2World.start();
  return {
    fleet: world.fleet(),
    another: () => world.fleet(),
    neighbour: () => world.fleet({ name: 'neighbour' }),
    crash: (id) => world.ec2.hypervisor.destroy(id),
    countRunning: async () => world.ec2.inState('running').length,
    [Symbol.asyncDispose]: () => world[Symbol.asyncDispose](),
  };
});
