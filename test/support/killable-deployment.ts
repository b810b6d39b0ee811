import type { Deployment } from '../../src/deployment.ts';

/**
 * The deployment as a process sees it that is killed when `death` aborts: what it had begun takes effect, but it hears
 * of nothing any more, and begins nothing.
 */
export function killableDeployment(deployment: Deployment, death: AbortSignal): Deployment {
  const { loaded, logger, clock, telemetry, input, output, state, queues, lost } = deployment;
  const until = <T extends object>(part: T) => killable(part, death);
  return {
    loaded,
    logger,
    clock,
    telemetry,
    input: until(input),
    output: until(output),
    state: until(state),
    queues: until(queues),
    lost,
    [Symbol.asyncDispose]: async () => {},
  };
}

function killable<T extends object>(part: T, death: AbortSignal): T {
  return new Proxy(part, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value !== 'function') return value;
      return (...args: unknown[]) => {
        if (death.aborted) return silence();
        const result: unknown = value.apply(target, args);
        if (result instanceof Promise) return heardBy(result, death);
        return typeof result === 'object' && result !== null ? killable(result, death) : result;
      };
    },
  });
}

function heardBy(promise: Promise<unknown>, death: AbortSignal): Promise<unknown> {
  const hear = (tell: () => unknown) => (death.aborted ? silence() : tell());
  return promise.then(
    (value) => hear(() => value),
    (error) =>
      hear(() => {
        throw error;
      }),
  );
}

function silence(): Promise<never> {
  return new Promise(() => {});
}
