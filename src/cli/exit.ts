/** Exit codes, the same for every command. */
export const EXIT = {
  /** All held. */
  ok: 0,
  /** A finding: an invariant was broken, a replay reproduced its failure, or something was not as expected. */
  finding: 1,
  /** Wrong usage or a scenario that cannot be read. */
  usage: 2,
  /** The budget was spent before the answer was known. */
  inconclusive: 3,
  /** A replay went another way than its recording. */
  diverged: 4,
  /** A bug in faultline. */
  internal: 70,
  /** SIGINT, SIGTERM: 128 and the number of the signal. */
  interrupted: 130,
  terminated: 143,
} as const;

export const EXIT_HELP = `
Exit codes:
  0   all held
  1   a finding: an invariant is broken, or something is not as expected
  2   wrong usage, or a file that cannot be read
  3   inconclusive: nothing was found, and not all was looked at
  4   a replay went another way than its recording
  70  a bug in faultline
  130 interrupted (SIGINT), 143 terminated (SIGTERM)`;

/** Wrong usage: one clear message, exit code 2. */
export class UsageError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'UsageError';
  }
}
