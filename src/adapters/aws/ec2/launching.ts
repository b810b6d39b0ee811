import type {
  CreateFleetCommandInput,
  CreateFleetCommandOutput,
  CreateFleetError,
  FleetLaunchTemplateOverridesRequest,
} from '@aws-sdk/client-ec2';
import { CapacityUnavailableError, type ErrorContext, FacefleetError } from '../../../errors.ts';
import type { Instance, LaunchRequest } from '../../../ports/fleet.ts';
import { translateAwsError } from '../errors.ts';
import { clientToken, FLEET_TAG, instanceTags } from './fleet-tags.ts';
import { type LaunchTerms, type Offering, offeringsOf } from './launch-terms.ts';

/**
 * One instance from whichever of the offerings has room: an instant fleet, which answers at once with the instance or
 * with what was wrong with every offering. The same launch makes the same request, to the letter.
 */
export function fleetRequest(
  fleet: string,
  launch: LaunchRequest,
  terms: LaunchTerms,
): CreateFleetCommandInput {
  const { template, market } = terms;
  const overrides = offeringsOf(terms).map(toOverride);
  const hasChoice = overrides.some(({ InstanceType, SubnetId }) => InstanceType ?? SubnetId);
  return {
    Type: 'instant',
    ClientToken: clientToken(fleet, launch.token),
    TargetCapacitySpecification: { TotalTargetCapacity: 1, DefaultTargetCapacityType: market },
    LaunchTemplateConfigs: [
      {
        // The stack's newest: CloudFormation leaves the default version alone.
        LaunchTemplateSpecification: { LaunchTemplateName: template, Version: '$Latest' },
        ...(hasChoice && { Overrides: overrides }),
      },
    ],
    ...(market === 'spot'
      ? { SpotOptions: { AllocationStrategy: 'price-capacity-optimized' } }
      : { OnDemandOptions: { AllocationStrategy: hasChoice ? 'prioritized' : 'lowest-price' } }),
    TagSpecifications: [
      { ResourceType: 'instance', Tags: instanceTags(fleet, launch) },
      { ResourceType: 'fleet', Tags: [{ Key: FLEET_TAG, Value: fleet }] },
    ],
  };
}

/** Priority counts from 0, the best; where EC2 chooses by price and room it is ignored. */
function toOverride({ type, subnet }: Offering, index: number): FleetLaunchTemplateOverridesRequest {
  return {
    ...(type !== undefined && {
      InstanceType: type as NonNullable<FleetLaunchTemplateOverridesRequest['InstanceType']>,
    }),
    ...(subnet !== undefined && { SubnetId: subnet }),
    Priority: index,
  };
}

/** Undefined when it got none. */
export function launchedInstance(
  { Instances = [] }: CreateFleetCommandOutput,
  { slot, generation }: LaunchRequest,
  launchedAt: Date,
): Instance | undefined {
  const [launched] = Instances;
  const id = launched?.InstanceIds?.[0];
  if (id === undefined) return undefined;
  const market = launched?.Lifecycle === 'spot' ? 'spot' : 'on-demand';
  return {
    id,
    slot,
    generation,
    state: 'pending',
    launchedAt,
    canStop: market !== 'spot',
    offering: [launched?.InstanceType, launched?.AvailabilityZone, market].filter(Boolean).join(' '),
  };
}

/** Words of EC2's for a pool that cannot give what others may. */
const HAS_NO_ROOM = new Set([
  'InsufficientInstanceCapacity',
  'InsufficientCapacityOnOutpost',
  'InsufficientFreeAddressesInSubnet',
  'InsufficientReservedInstanceCapacity',
  'InstanceLimitExceeded',
  'MaxSpotInstanceCountExceeded',
  'SpotMaxPriceTooLow',
  'UnfulfillableCapacity',
  'Unsupported',
  'VcpuLimitExceeded',
]);

/** Those that are no lack of room, but what the account may have. */
const ACCOUNT_LIMITS = new Set([
  'InstanceLimitExceeded',
  'MaxSpotInstanceCountExceeded',
  'VcpuLimitExceeded',
]);
const RAISE_LIMIT =
  'ask for more in Service Quotas (`facefleet doctor` says what is allowed), or lower FACEFLEET_MAX_WORKERS';

/** The offerings that a fleet has found empty. */
export function emptyOfferings({ Errors = [] }: CreateFleetCommandOutput, terms: LaunchTerms): Offering[] {
  return Errors.filter(({ ErrorCode = '' }) => HAS_NO_ROOM.has(ErrorCode)).map(
    ({ LaunchTemplateAndOverrides }) => {
      const { InstanceType: type, SubnetId: subnet } = LaunchTemplateAndOverrides?.Overrides ?? {};
      return {
        market: terms.market,
        ...(terms.types.length > 0 && type !== undefined && { type }),
        ...(terms.subnets.length > 0 && subnet !== undefined && { subnet }),
      };
    },
  );
}

/**
 * Why a fleet got no instance. None of it is to be repeated: EC2 answers a known client token with the same failure, so
 * the next try must be another launch.
 */
export function launchFailure(
  { Errors = [], FleetId }: CreateFleetCommandOutput,
  context: ErrorContext,
): FacefleetError {
  const more = { ...context, fleetId: FleetId };
  const fatal = Errors.find((error) => isFatal(error));
  if (fatal !== undefined) return fatalError(fatal, more);
  const codes = [...new Set(Errors.map(({ ErrorCode }) => ErrorCode))].join(', ');
  const limit = Errors.find(({ ErrorCode = '' }) => ACCOUNT_LIMITS.has(ErrorCode));
  const said = (limit ?? Errors[0])?.ErrorMessage ?? 'EC2 gave neither an instance nor a reason';
  const message = limit === undefined ? said : `${said.replace(/[.\s]+$/, '')}; ${RAISE_LIMIT}`;
  return new CapacityUnavailableError(message, { context: { ...more, codes, offerings: Errors.length } });
}

/** Nobody but a person mends these. */
function isFatal({ ErrorCode = '' }: CreateFleetError): boolean {
  return /^(Unauthorized|AuthFailure|Invalid|Missing|OptInRequired|PendingVerification|Blocked)/.test(
    ErrorCode,
  );
}

function fatalError({ ErrorCode = '', ErrorMessage = '' }: CreateFleetError, context: ErrorContext) {
  if (/^(Invalid|Missing)/.test(ErrorCode)) {
    return new FacefleetError('config-invalid', `EC2 refuses to launch: ${ErrorCode}: ${ErrorMessage}`, {
      context,
    });
  }
  if (ErrorCode.includes('ServiceLinkedRole')) {
    return new FacefleetError(
      'permission-denied',
      'EC2 needs a role of its own for spot instances and may not make it; allow iam:CreateServiceLinkedRole, or once: `aws iam create-service-linked-role --aws-service-name spot.amazonaws.com`',
      { context: { ...context, action: 'iam:CreateServiceLinkedRole' } },
    );
  }
  const cause = Object.assign(new Error(ErrorMessage), {
    name: ErrorCode,
    $metadata: { httpStatusCode: 403 },
  });
  return translateAwsError(cause, { action: 'ec2:RunInstances', context });
}
