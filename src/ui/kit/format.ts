/** `0.62` as people read a similarity. */
export function similarity(value: number): string {
  return value.toFixed(2);
}

/** Milliseconds, to two or three figures: `8 ms`, `240 ms`, `1.4 s`, `3 min`. */
export function duration(milliseconds: number): string {
  if (milliseconds < 999.5) return `${Math.round(milliseconds)} ms`;
  const seconds = milliseconds / 1000;
  if (seconds < 99.5) return `${seconds.toFixed(seconds < 9.95 ? 1 : 0)} s`;
  const minutes = seconds / 60;
  if (minutes < 99.5) return `${Math.round(minutes)} min`;
  const hours = minutes / 60;
  return hours < 47.5 ? `${Math.round(hours)} h` : `${Math.round(hours / 24)} days`;
}

/** `12 s ago`; both in milliseconds since the epoch. */
export function ago(then: number, now: number): string {
  const past = now - then;
  return past < 1000 ? 'just now' : `${duration(past)} ago`;
}

/** `1 face`, `3 faces`. */
export function count(number: number, one: string, many = `${one}s`): string {
  return `${number.toLocaleString('en')} ${number === 1 ? one : many}`;
}

export function bytes(value: number): string {
  if (value < 1024 * 1024) return `${Math.max(1, Math.round(value / 1024))} KB`;
  return `${(value / 1024 / 1024).toFixed(value < 100 * 1024 * 1024 ? 1 : 0)} MB`;
}

/** Of a moment today the time alone. */
export function clockTime(at: number): string {
  return new Date(at).toLocaleTimeString('en', { hour12: false });
}

export function dayAndTime(at: number): string {
  return new Date(at).toLocaleString('en', { dateStyle: 'medium', timeStyle: 'short', hour12: false });
}

/** A number for a tile: few digits, none that only flicker. */
export function figure(value: number): string {
  return value >= 100 || Number.isInteger(value) ? Math.round(value).toLocaleString('en') : value.toFixed(1);
}
