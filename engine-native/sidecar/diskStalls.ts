/** Reports a disk that delivers nothing, so that a user does not take the wait for a slow model. */

const pollMs = 1000;
/** A disk that wakes up may take as long. */
const longStallMs = 2000;

/**
 * Runs `work` and checks the disk once a second meanwhile.
 * @param stalledMs how long the disk has delivered nothing of what was requested, in milliseconds
 * @param report is called with that time while it is long, and once with 0 when the disk delivers again
 */
export async function reportDiskStalls<T>(
  stalledMs: () => number,
  report: (stalledMs: number) => void,
  work: () => Promise<T>,
): Promise<T> {
  let reported = false;
  const poll = () => {
    const ms = stalledMs();
    const isLong = ms >= longStallMs;
    if (isLong || reported) report(isLong ? ms : 0);
    reported = isLong;
  };
  const timer = setInterval(poll, pollMs);
  try {
    return await work();
  } finally {
    clearInterval(timer);
  }
}
