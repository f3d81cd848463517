/** Which seeds run: some always, the others another stretch every day. */

const dayMs = 86_400_000;
const seedsPerDay = 10_000;

/** TEST_SIM_SEED begins elsewhere, to run a failed seed again. */
export function firstSeedOfToday(): number {
  const { TEST_SIM_SEED } = process.env;
  if (TEST_SIM_SEED !== undefined) return Number(TEST_SIM_SEED);
  return Math.floor(Date.now() / dayMs) * seedsPerDay;
}
