import { Ec2Error } from './ec2-error.ts';
import type { Query } from './query.ts';
import type { Region } from './region.ts';
import type { XmlStructure } from './xml.ts';

/** What there is to launch, and where: DescribeInstanceTypes, DescribeInstanceTypeOfferings, DescribeSubnets. */
export function describeInstanceTypes(query: Query, { types }: Region): XmlStructure {
  const asked = query.texts('InstanceType');
  for (const ignored of ['MaxResults', 'NextToken']) query.text(ignored);
  query.refuseUnread();
  const unknown = asked.filter((name) => !types.has(name));
  if (unknown.length > 0) {
    throw new Ec2Error(
      'InvalidInstanceType',
      `The following supplied instance types do not exist: [${unknown.join(', ')}]`,
    );
  }
  const wanted = [...types].filter(([name]) => asked.length === 0 || asked.includes(name));
  return {
    instanceTypeSet: wanted.map(([instanceType, { vCpus, memoryMiB, architecture }]) => ({
      instanceType,
      currentGeneration: true,
      supportedUsageClasses: ['on-demand', 'spot'],
      processorInfo: { supportedArchitectures: [architecture] },
      vCpuInfo: { defaultVCpus: vCpus },
      memoryInfo: { sizeInMiB: memoryMiB },
    })),
  };
}

export function describeOfferings(query: Query, region: Region): XmlStructure {
  const isByZone = query.text('LocationType') === 'availability-zone';
  const types = filterValues(query, 'instance-type');
  const locations = filterValues(query, 'location');
  for (const ignored of ['MaxResults', 'NextToken']) query.text(ignored);
  query.refuseUnread();
  const offerings = [...region.types].flatMap(([instanceType, facts]) => {
    const zones = facts.zones ?? region.subnets.map(({ zone }) => zone);
    const places = isByZone ? zones : [region.name];
    return places.map((location) => ({
      instanceType,
      locationType: isByZone ? 'availability-zone' : 'region',
      location,
    }));
  });
  return {
    instanceTypeOfferingSet: offerings.filter(
      ({ instanceType, location }) =>
        (types?.includes(instanceType) ?? true) && (locations?.includes(location) ?? true),
    ),
  };
}

export function describeSubnets(query: Query, region: Region): XmlStructure {
  const asked = query.texts('SubnetId');
  for (const ignored of ['MaxResults', 'NextToken']) query.text(ignored);
  query.refuseUnread();
  const found = asked.length === 0 ? region.subnets : asked.map((id) => region.subnetOf(id));
  return {
    subnetSet: found.map(({ id, zone }) => ({
      subnetId: id,
      availabilityZone: zone,
      vpcId: region.vpcId,
      state: 'available',
    })),
  };
}

function filterValues(query: Query, wanted: string): string[] | undefined {
  const filters = query
    .groups('Filter')
    .map((filter) => ({ name: filter.required('Name'), values: filter.texts('Value') }));
  return filters.find(({ name }) => name === wanted)?.values;
}
