/** An error as EC2's query API gives it. Statuses as documented: 4xx for the caller's doing, 5xx for EC2's own. */
export class Ec2Error extends Error {
  readonly code: string;
  readonly status: number;

  constructor(code: string, message: string, status = 400) {
    super(message);
    this.name = 'Ec2Error';
    this.code = code;
    this.status = status;
  }
}

/** Capacity that is not there is EC2's fault, and so a 500. */
export const insufficientCapacity = (what: string) =>
  new Ec2Error(
    'InsufficientInstanceCapacity',
    `We currently do not have sufficient capacity for ${what}. Our system will be working on provisioning additional capacity.`,
    500,
  );

export const requestLimitExceeded = () =>
  new Ec2Error('RequestLimitExceeded', 'Request limit exceeded.', 503);

export const unauthorized = (action: string) =>
  new Ec2Error(
    'UnauthorizedOperation',
    `You are not authorized to perform this operation. User: arn:aws:sts::123456789012:assumed-role/fake-role/i-0 is not authorized to perform: ec2:${action} because no identity-based policy allows the ec2:${action} action. Encoded authorization failure message: AAAA`,
    403,
  );

export const instanceNotFound = (ids: readonly string[]) =>
  ids.length === 1
    ? new Ec2Error('InvalidInstanceID.NotFound', `The instance ID '${ids[0]}' does not exist`)
    : new Ec2Error('InvalidInstanceID.NotFound', `The instance IDs '${ids.join(', ')}' do not exist`);
