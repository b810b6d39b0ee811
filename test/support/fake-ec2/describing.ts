import { Ec2Error, instanceNotFound } from './ec2-error.ts';
import { type FakeInstance, STATE_CODES, type StateName } from './instance.ts';
import { tagSet } from './launch-templates.ts';
import type { Query } from './query.ts';
import type { Region } from './region.ts';
import type { XmlStructure } from './xml.ts';

/** An instance as a describing call sees it, which may be as it was a while ago. */
interface Seen {
  readonly instance: FakeInstance;
  readonly state: StateName;
  readonly reason: { readonly code: string; readonly message: string } | undefined;
}

type Field = (seen: Seen) => string | undefined;

const FILTERS: Readonly<Record<string, Field>> = {
  'availability-zone': ({ instance }) => instance.specification.offering.zone,
  'client-token': ({ instance }) => instance.specification.clientToken,
  'image-id': ({ instance }) => instance.specification.imageId,
  'instance-id': ({ instance }) => instance.id,
  'instance-lifecycle': ({ instance }) => (instance.isSpot ? 'spot' : undefined),
  'instance-state-name': ({ state }) => state,
  'instance-type': ({ instance }) => instance.specification.offering.type,
  'private-ip-address': ({ instance }) => instance.privateIp,
  'reservation-id': ({ instance }) => instance.reservationId,
  'subnet-id': ({ instance }) => instance.specification.subnet.id,
};

const MOST_FILTER_VALUES = 200;
const LEAST_PAGE = 5;
const MOST_PAGE = 1000;

export interface DescribeOptions {
  readonly instances: Iterable<FakeInstance>;
  readonly region: Region;
  /** Monotonic milliseconds of the moment that is shown. */
  readonly at: number;
  /** Instances that were terminated before then are forgotten. */
  readonly forgottenBefore: number;
}

/** DescribeInstances, with its filters and pages. */
export function describeInstances(query: Query, options: DescribeOptions): XmlStructure {
  const ids = query.texts('InstanceId');
  const matches = readFilters(query);
  const pageSize = query.integer('MaxResults');
  const nextToken = query.text('NextToken');
  query.flag('IncludeManagedResources');
  query.refuseUnread();
  if (ids.length > 0 && pageSize !== undefined) {
    throw new Ec2Error(
      'InvalidParameterCombination',
      'The parameter instancesSet cannot be used with the parameter maxResults',
    );
  }
  if (pageSize !== undefined && (pageSize < LEAST_PAGE || pageSize > MOST_PAGE)) {
    throw new Ec2Error(
      'InvalidParameterValue',
      `Value ( ${pageSize} ) for parameter maxResults is invalid. Expecting a value between ${LEAST_PAGE} and ${MOST_PAGE}.`,
    );
  }
  const visible = [...options.instances].flatMap((instance) => see(instance, options) ?? []);
  if (ids.length > 0) checkKnown(ids, visible);
  const found = visible.filter((one) => (ids.length === 0 || ids.includes(one.instance.id)) && matches(one));
  const { page, token } = paged(found, pageSize, nextToken);
  return { reservationSet: reservations(page, options.region), nextToken: token };
}

function see(instance: FakeInstance, { at, forgottenBefore }: DescribeOptions): Seen | undefined {
  const moment = instance.momentAt(at);
  if (moment === undefined) return undefined;
  if (moment.state === 'terminated' && moment.at < forgottenBefore) return undefined;
  return { instance, state: moment.state, reason: moment.reason };
}

export function checkWellFormed(ids: readonly string[]): void {
  for (const id of ids) {
    if (!/^i-[0-9a-f]{8,17}$/.test(id)) {
      throw new Ec2Error('InvalidInstanceID.Malformed', `Invalid id: "${id}"`);
    }
  }
}

function checkKnown(ids: readonly string[], visible: readonly Seen[]): void {
  checkWellFormed(ids);
  const unknown = ids.filter((id) => !visible.some(({ instance }) => instance.id === id));
  if (unknown.length > 0) throw instanceNotFound(unknown);
}

function readFilters(query: Query): (seen: Seen) => boolean {
  const filters = query.groups('Filter').map((filter) => {
    const name = filter.required('Name');
    const values = filter.texts('Value');
    if (values.length > MOST_FILTER_VALUES) {
      throw new Ec2Error(
        'FilterLimitExceeded',
        `The maximum number of filter values is ${MOST_FILTER_VALUES}`,
      );
    }
    return { fieldsOf: fieldsOf(name), patterns: values.map(toPattern) };
  });
  return (seen) =>
    filters.every(({ fieldsOf, patterns }) =>
      fieldsOf(seen).some((field) => patterns.some((pattern) => pattern.test(field))),
    );
}

function fieldsOf(name: string): (seen: Seen) => readonly string[] {
  if (name === 'tag-key') return ({ instance }) => [...instance.tags.keys()];
  if (name.startsWith('tag:')) {
    const key = name.slice('tag:'.length);
    return ({ instance }) => [instance.tags.get(key)].filter((value) => value !== undefined);
  }
  const field = FILTERS[name];
  if (field === undefined) throw new Ec2Error('InvalidParameterValue', `The filter '${name}' is invalid`);
  return (seen) => [field(seen)].filter((value) => value !== undefined);
}

/** `*` stands for any characters, `?` for one. */
function toPattern(value: string): RegExp {
  const escaped = value.replace(/[.+^${}()|[\]\\]/g, String.raw`\$&`);
  return new RegExp(`^${escaped.replaceAll('*', '.*').replaceAll('?', '.')}$`, 's');
}

function paged(found: readonly Seen[], pageSize: number | undefined, nextToken: string | undefined) {
  const start = nextToken === undefined ? 0 : Number(Buffer.from(nextToken, 'base64').toString());
  if (!Number.isInteger(start) || start < 0) {
    throw new Ec2Error('InvalidParameterValue', 'Unable to parse the pagination token');
  }
  const end = start + (pageSize ?? MOST_PAGE);
  const token = end < found.length ? Buffer.from(String(end)).toString('base64') : undefined;
  return { page: found.slice(start, end), token };
}

function reservations(seen: readonly Seen[], region: Region): XmlStructure[] {
  const groups = Map.groupBy(seen, ({ instance }) => instance.reservationId);
  return [...groups].map(([reservationId, members]) => ({
    reservationId,
    ownerId: '123456789012',
    groupSet: [],
    instancesSet: members.map((one) => instanceXml(one, region)),
  }));
}

export function stateXml(state: StateName): XmlStructure {
  return { code: STATE_CODES[state], name: state };
}

export function instanceXml({ instance, state, reason }: Seen, { vpcId, types }: Region): XmlStructure {
  const { specification } = instance;
  const { type, zone } = specification.offering;
  const isGone = state === 'terminated';
  return {
    instanceId: instance.id,
    imageId: specification.imageId,
    instanceState: stateXml(state),
    privateDnsName: isGone ? '' : `ip-${instance.privateIp.replaceAll('.', '-')}.ec2.internal`,
    reason: reason && `User initiated (${new Date().toISOString()})`,
    amiLaunchIndex: 0,
    instanceType: type,
    launchTime: instance.launchTime,
    placement: { availabilityZone: zone, tenancy: 'default' },
    subnetId: isGone ? undefined : specification.subnet.id,
    vpcId: isGone ? undefined : vpcId,
    privateIpAddress: isGone ? undefined : instance.privateIp,
    groupSet: isGone
      ? []
      : specification.securityGroupIds.map((groupId) => ({ groupId, groupName: groupId })),
    stateReason: reason && { ...reason },
    architecture: types.get(type)?.architecture,
    clientToken: specification.clientToken,
    instanceLifecycle: instance.isSpot ? 'spot' : undefined,
    iamInstanceProfile: specification.profile && { arn: specification.profile, id: 'AIPAFAKE' },
    tagSet: tagSet(instance.tags),
    metadataOptions: {
      state: 'applied',
      httpTokens: specification.areTokensRequired ? 'required' : 'optional',
      httpEndpoint: 'enabled',
      instanceMetadataTags: specification.areTagsInMetadata ? 'enabled' : 'disabled',
    },
  };
}
