import { type CreateFleetCommandInput, CreateLaunchTemplateCommand, EC2Client } from '@aws-sdk/client-ec2';
import type { FakeEc2 } from './fake-ec2.ts';

export const IMAGE_ID = 'ami-0123456789abcdef0';

/** The SDK's own client, as it is, but for the endpoint; it tries once. */
export function ec2Client({ endpoint }: { endpoint: string }): EC2Client {
  return new EC2Client({
    endpoint,
    region: 'us-east-1',
    credentials: { accessKeyId: 'AKIAFAKE', secretAccessKey: 'fake' },
    maxAttempts: 1,
  });
}

export interface TemplateOptions {
  readonly name: string;
  readonly userData?: string;
  readonly onShutdown?: 'stop' | 'terminate';
}

/** A launch template as the service's own: metadata with tokens and tags, terminated on shutdown. */
export async function createTemplate(fake: FakeEc2, options: TemplateOptions): Promise<void> {
  using client = disposable(ec2Client(fake));
  await client.send(
    new CreateLaunchTemplateCommand({
      LaunchTemplateName: options.name,
      LaunchTemplateData: {
        ImageId: IMAGE_ID,
        InstanceType: 't3.medium',
        UserData: Buffer.from(options.userData ?? '').toString('base64'),
        InstanceInitiatedShutdownBehavior: options.onShutdown ?? 'terminate',
        MetadataOptions: { HttpTokens: 'required', InstanceMetadataTags: 'enabled' },
        SecurityGroupIds: ['sg-0123456789abcdef0'],
      },
    }),
  );
}

export function instantFleet(
  template: string,
  more: Partial<CreateFleetCommandInput> = {},
): CreateFleetCommandInput {
  return {
    Type: 'instant',
    TargetCapacitySpecification: { TotalTargetCapacity: 1, DefaultTargetCapacityType: 'on-demand' },
    LaunchTemplateConfigs: [
      { LaunchTemplateSpecification: { LaunchTemplateName: template, Version: '$Default' } },
    ],
    ...more,
  };
}

function disposable(client: EC2Client): EC2Client & Disposable {
  return Object.assign(client, { [Symbol.dispose]: () => client.destroy() });
}
