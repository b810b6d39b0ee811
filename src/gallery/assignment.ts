import type { RankedPerson } from './open-set.ts';

/**
 * Gives each person to at most one of several faces of a picture: for each face the place of its person in its ranking, or
 * -1 for nobody.
 *
 * Whoever has the most evidence of all comes first, then the most of what is left. So no face and person are kept apart
 * that both have more evidence for each other than for what they got; and nobody gets a name without enough evidence for
 * it, whether or not it was somebody else's first.
 */
export function assignPeople(rankings: readonly (readonly RankedPerson[])[]): number[] {
  const pairs = rankings.flatMap((ranking, face) =>
    ranking.flatMap(({ person, evidence }, place) =>
      evidence >= 0 ? [{ face, place, person, evidence }] : [],
    ),
  );
  // The sort is stable: of equals the earlier face, which is the larger one, comes first.
  pairs.sort((one, other) => other.evidence - one.evidence);
  const places = rankings.map(() => -1);
  const given = new Set<number>();
  for (const { face, place, person } of pairs) {
    if (places[face] !== -1 || given.has(person)) continue;
    places[face] = place;
    given.add(person);
  }
  return places;
}

/** As `assignPeople`, but each face gets whom it resembles most, whoever else does. */
export function assignFreely(rankings: readonly (readonly RankedPerson[])[]): number[] {
  return rankings.map(([best]) => (best !== undefined && best.evidence >= 0 ? 0 : -1));
}
