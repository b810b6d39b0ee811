/**
 * Where a job id stands in time: the 48 bits of milliseconds and the 12 bits behind the version of a UUIDv7, as one
 * number. Ids made later have greater ones, so a stretch of time is a stretch of keys.
 */
export type IdTime = bigint;

const FRACTION_BITS = 12n;

export function idTimeOf(jobId: string): IdTime {
  return BigInt(`0x${jobId.slice(0, 8)}${jobId.slice(9, 13)}${jobId.slice(15, 18)}`);
}

/** `milliseconds` since the epoch. */
export function idTimeAt(milliseconds: number): IdTime {
  return BigInt(Math.max(0, Math.floor(milliseconds))) << FRACTION_BITS;
}

/** Greater than every id before that time and less than every one from it on; no id itself. */
export function idBefore(time: IdTime): string {
  const digits = time.toString(16).padStart(15, '0');
  return `${digits.slice(0, 8)}-${digits.slice(8, 12)}-7${digits.slice(12)}`;
}
