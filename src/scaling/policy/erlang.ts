/** How often a job may have to wait longer than it has time. */
const ACCEPTED = 0.005;
const MOST_SERVERS = 10_000;

export interface ErlangQuestion {
  /** Arrival rate times service time. */
  readonly load: number;
  /** How long a job may wait, in service times. */
  readonly slack: number;
}

/** The fewest servers with which jobs of a Poisson process hardly ever wait longer than the slack (Erlang C). */
export function erlangServers({ load, slack }: ErlangQuestion): number {
  if (load <= 0) return 0;
  // Erlang B by its recurrence, one server more at a time; C follows from it.
  let blocked = 1;
  for (let servers = 1; servers < MOST_SERVERS; servers++) {
    blocked = (load * blocked) / (servers + load * blocked);
    if (servers <= load) continue;
    const waits = blocked / (1 - (load / servers) * (1 - blocked));
    if (waits * Math.exp(-(servers - load) * slack) <= ACCEPTED) return servers;
  }
  return MOST_SERVERS;
}
