import type { AwsSettings } from '../../src/adapters/aws/client-options.ts';

/** For endpoints of a test; they know this key. */
export const TEST_KEY = { accessKeyId: 'test', secretAccessKey: 'test-secret' };

export function settingsFor(endpointUrls: AwsSettings['endpointUrls']): AwsSettings {
  return { region: 'us-east-1', credentials: TEST_KEY, endpointUrls };
}
