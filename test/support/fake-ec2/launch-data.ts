import { Ec2Error } from './ec2-error.ts';
import type { Query } from './query.ts';

/** What a launch template and a launch can both say; the launch overrides. */
export interface LaunchData {
  readonly imageId?: string;
  readonly instanceType?: string;
  readonly userData?: string;
  readonly profile?: string;
  readonly securityGroupIds?: readonly string[];
  readonly onShutdown?: 'stop' | 'terminate';
  readonly areTokensRequired?: boolean;
  readonly areTagsInMetadata?: boolean;
  readonly isSpot?: boolean;
  readonly tags: ReadonlyMap<string, string>;
}

const MOST_USER_DATA_BYTES = 16_384;
const MOST_TAGS = 50;

/** Reads the parameters of RunInstances, or of LaunchTemplateData, that are about the instance. */
export function readLaunchData(query: Query): LaunchData {
  const metadata = query.group('MetadataOptions');
  for (const ignored of ['HttpEndpoint', 'HttpPutResponseHopLimit', 'HttpProtocolIpv6'])
    metadata.text(ignored);
  query.text('KeyName');
  query.flag('EbsOptimized');
  query.group('Monitoring').flag('Enabled');
  const market = query.group('InstanceMarketOptions');
  for (const ignored of ['SpotInstanceType', 'InstanceInterruptionBehavior', 'MaxPrice']) {
    market.group('SpotOptions').text(ignored);
  }
  const profile = query.group('IamInstanceProfile');
  const tokens = metadata.text('HttpTokens');
  const metadataTags = metadata.text('InstanceMetadataTags');
  const marketType = market.text('MarketType');
  const found = {
    imageId: query.text('ImageId'),
    instanceType: query.text('InstanceType'),
    userData: readUserData(query.text('UserData')),
    profile: profile.text('Name') ?? profile.text('Arn'),
    securityGroupIds: nonEmpty(query.texts('SecurityGroupId')),
    onShutdown: shutdownBehaviour(query.text('InstanceInitiatedShutdownBehavior')),
    areTokensRequired: tokens && tokens === 'required',
    areTagsInMetadata: metadataTags && metadataTags === 'enabled',
    isSpot: marketType && marketType === 'spot',
    tags: readTags(query, 'instance'),
  };
  return Object.fromEntries(
    Object.entries(found).filter(([, value]) => value !== undefined),
  ) as unknown as LaunchData;
}

/** Of the tag specifications, those for this kind of resource. */
export function readTags(query: Query, resourceType: string): ReadonlyMap<string, string> {
  const tags = new Map<string, string>();
  for (const specification of query.groups('TagSpecification')) {
    const isWanted = specification.required('ResourceType') === resourceType;
    for (const [key, value] of readTagList(specification)) if (isWanted) tags.set(key, value);
  }
  return tags;
}

export function readTagList(query: Query): ReadonlyMap<string, string> {
  const tags = new Map<string, string>();
  for (const tag of query.groups('Tag')) {
    const key = tag.required('Key');
    const value = tag.text('Value') ?? '';
    checkTag(key, value);
    if (tags.has(key)) throw new Ec2Error('InvalidParameterValue', `Duplicate tag key '${key}' specified.`);
    tags.set(key, value);
  }
  if (tags.size > MOST_TAGS) {
    throw new Ec2Error('TagLimitExceeded', 'The maximum number of Tags for a resource has been reached.');
  }
  return tags;
}

/** Tags that the instance can read of itself are names in a path: fewer characters do. */
export function checkMetadataTags(keys: Iterable<string>): void {
  for (const key of keys) {
    if (!/^[0-9a-zA-Z\-_+=,.@:]{1,255}$/.test(key) || ['.', '..', '_index'].includes(key)) {
      throw new Ec2Error(
        'InvalidParameterValue',
        `'${key}' is not a valid tag key. Tag keys must match pattern ([0-9a-zA-Z\\-_+=,.@:]{1,255}), and must not be a reserved name ('.', '..', '_index')`,
      );
    }
  }
}

function checkTag(key: string, value: string): void {
  if (key.startsWith('aws:')) {
    throw new Ec2Error(
      'InvalidParameterValue',
      `Tag keys starting with 'aws:' are reserved for internal use: ${key}`,
    );
  }
  if (key.length > 128 || value.length > 256) {
    throw new Ec2Error('InvalidParameterValue', `Tag ${key} exceeds 128 characters of key or 256 of value`);
  }
}

function readUserData(encoded: string | undefined): string | undefined {
  if (encoded === undefined) return undefined;
  if (!/^[A-Za-z0-9+/\s]*={0,2}\s*$/.test(encoded)) {
    throw new Ec2Error('InvalidParameterValue', 'Invalid BASE64 encoding of user data.');
  }
  const bytes = Buffer.from(encoded, 'base64');
  if (bytes.length > MOST_USER_DATA_BYTES) {
    throw new Ec2Error('InvalidParameterValue', `User data is limited to ${MOST_USER_DATA_BYTES} bytes`);
  }
  return bytes.toString('utf8');
}

function shutdownBehaviour(value: string | undefined): 'stop' | 'terminate' | undefined {
  if (value === undefined || value === 'stop' || value === 'terminate') return value;
  throw new Ec2Error(
    'InvalidParameterValue',
    `Value (${value}) for InstanceInitiatedShutdownBehavior is invalid.`,
  );
}

function nonEmpty<T>(items: readonly T[]): readonly T[] | undefined {
  return items.length === 0 ? undefined : items;
}
