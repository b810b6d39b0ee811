/** What SQS says of the entries of a batch that failed. */
export interface FailedEntry {
  readonly Id?: string | undefined;
  readonly Code?: string | undefined;
  readonly Message?: string | undefined;
  readonly SenderFault?: boolean | undefined;
}

/** Shaped like what the SDK throws for a single call, so that it is translated like one. */
export function errorOfEntry({ Code = 'InternalError', Message = '', SenderFault }: FailedEntry): Error {
  const httpStatusCode = SenderFault === true ? 400 : 500;
  return Object.assign(new Error(Message === '' ? Code : Message), {
    name: Code,
    $metadata: { httpStatusCode },
  });
}

export interface PartialBatch<T> {
  readonly items: readonly T[];
  /** Carries out those at these places; resolves to the entries that failed, their `Id` the place in `items`. */
  readonly call: (places: readonly number[]) => Promise<readonly FailedEntry[]>;
  /** Wraps an attempt with tries; see QueueCalls.run. */
  readonly run: (attempt: () => Promise<void>) => Promise<void>;
  readonly translate: (error: unknown) => Error;
  /** What counts as done although it failed. */
  readonly isFine: (error: unknown) => boolean;
}

/**
 * Carries out a batch whose entries succeed or fail one by one: what failed for a passing reason is tried again alone.
 * Resolves to each item's error, in order.
 */
export async function runPartially<T>(batch: PartialBatch<T>): Promise<(Error | undefined)[]> {
  const errors = new Array<Error | undefined>(batch.items.length).fill(undefined);
  let open = batch.items.map((_, place) => place);
  let isAnyDone = false;
  try {
    await batch.run(async () => {
      const failed = await batch.call(open);
      const stillOpen: number[] = [];
      for (const entry of failed) {
        const error = errorOfEntry(entry);
        if (batch.isFine(error)) continue;
        if (entry.SenderFault === true) errors[Number(entry.Id)] = batch.translate(error);
        else stillOpen.push(Number(entry.Id));
      }
      isAnyDone ||= stillOpen.length < open.length;
      open = stillOpen;
      if (open.length > 0) throw errorOfEntry(failed.find(({ Id }) => Number(Id) === open[0])!);
    });
  } catch (error) {
    if (!isAnyDone) throw error;
    for (const place of open) errors[place] = error as Error;
  }
  return errors;
}
