import { MEBI } from './settings.ts';
import type { Config, ConfigSource, LoadedConfig } from './types.ts';

export function contradictions(config: Config): string[] {
  const problems: string[] = [];
  if (config.minWorkers > config.maxWorkers) {
    problems.push(
      `FACEFLEET_MIN_WORKERS is ${config.minWorkers}, expected at most FACEFLEET_MAX_WORKERS, ${config.maxWorkers}`,
    );
  }
  for (const [variable, cap, hours] of [
    ['FACEFLEET_MAX_INSTANCE_SECONDS_PER_HOUR', config.maxInstanceSecondsPerHour, 1],
    ['FACEFLEET_MAX_INSTANCE_SECONDS_PER_DAY', config.maxInstanceSecondsPerDay, 24],
  ] as const) {
    // What a single launch sets aside, and what the least number of workers costs.
    const least = Math.max(60 + config.bootSeconds, config.minWorkers * hours * 3600);
    if (cap > 0 && cap < least)
      problems.push(`${variable} is ${cap}, expected 0 or at least ${least}: nothing could be launched`);
  }
  if (config.warmPool > config.maxWorkers) {
    problems.push(
      `FACEFLEET_WARM_POOL is ${config.warmPool}, expected at most FACEFLEET_MAX_WORKERS, ${config.maxWorkers}`,
    );
  }
  if ((config.tlsCert === undefined) !== (config.tlsKey === undefined)) {
    const [given, missing] = config.tlsKey === undefined ? ['CERT', 'KEY'] : ['KEY', 'CERT'];
    problems.push(`FACEFLEET_TLS_${given} is set, expected FACEFLEET_TLS_${missing} with it`);
  }
  if (config.uploadBudgetBytes < config.maxUploadBytes) {
    problems.push(
      `FACEFLEET_UPLOAD_BUDGET_MB is ${config.uploadBudgetBytes / MEBI}, expected at least FACEFLEET_MAX_UPLOAD_MB, ${config.maxUploadBytes / MEBI}`,
    );
  }
  return problems;
}

/** Of settings that only count on AWS: a shell that happens to hold half of them harms nobody who works locally. */
export function awsContradictions(config: Config, sources: LoadedConfig['sources']): string[] {
  if (config.on === 'local') {
    return config.fleet === 'ec2'
      ? ['FACEFLEET_FLEET is "ec2", expected process or auto with --on local: EC2 cannot reach a data folder']
      : [];
  }
  const problems: string[] = [];
  // AWS refuses a key of one place with the secret of another, with a message that says nothing of the kind.
  const { awsAccessKeyId: key, awsSecretAccessKey: secret } = sources;
  if (key !== secret) {
    const place = (source: ConfigSource) => (source === 'default' ? 'not set' : `set in ${source}`);
    problems.push(
      `AWS_ACCESS_KEY_ID is ${place(key)} and AWS_SECRET_ACCESS_KEY is ${place(secret)}, expected both in one place`,
    );
  }
  if (config.awsSessionToken !== undefined && config.awsAccessKeyId === undefined) {
    problems.push('AWS_SESSION_TOKEN is set, expected AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY with it');
  }
  return problems;
}
