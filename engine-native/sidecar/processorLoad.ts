/** How much of the processor other programs use: with that an answer is slower than estimated, and a person should know why. */
import { cpus } from "node:os";

/** Of all cores together, since the system and the process started, in milliseconds. */
export interface ProcessorTimes {
  /** Used by anyone, but by programs that yield to others. */
  busyMs: number;
  totalMs: number;
  /** Used by this process. */
  ownMs: number;
}

/** Less than this is no measure, in milliseconds of all cores together. */
const meaningfulMs = 400;
const pollMs = 1000;
/** Below this share other programs cost little. */
const slowingShare = 0.25;

/** Undefined where the system does not tell. */
export function processorTimes(): ProcessorTimes | undefined {
  let busyMs = 0;
  let totalMs = 0;
  for (const { times } of cpus()) {
    const { user, nice, sys, idle, irq } = times;
    busyMs += user + sys + irq;
    totalMs += user + nice + sys + idle + irq;
  }
  if (totalMs === 0) return undefined;
  const { user, system } = process.cpuUsage();
  return { busyMs, totalMs, ownMs: (user + system) / 1000 };
}

/** The share of the processor, 0 to 1, that other programs used between two moments; undefined where that was too short. */
export function othersShare(before: ProcessorTimes | undefined, after: ProcessorTimes | undefined): number | undefined {
  if (!before || !after) return undefined;
  const totalMs = after.totalMs - before.totalMs;
  if (totalMs < meaningfulMs) return undefined;
  const othersMs = after.busyMs - before.busyMs - (after.ownMs - before.ownMs);
  return Math.min(Math.max(othersMs / totalMs, 0), 1);
}

/**
 * Runs `work`, and looks at the processor once a second meanwhile.
 * @param report is called with the share that other programs have while that is much, and once with 0 when it is not any more
 * @returns what `work` returns, and the share over all of it
 */
export async function watchProcessor<T>(
  report: (othersShare: number) => void,
  work: () => Promise<T>,
  times: () => ProcessorTimes | undefined = processorTimes,
): Promise<{ result: T; othersShare: number | undefined }> {
  const start = times();
  let last = start;
  let reported = false;
  const timer = setInterval(() => {
    const now = times();
    const share = othersShare(last, now);
    if (share === undefined) return;
    last = now;
    const isMuch = share >= slowingShare;
    if (isMuch || reported) report(isMuch ? share : 0);
    reported = isMuch;
  }, pollMs);
  try {
    const result = await work();
    return { result, othersShare: othersShare(start, times()) };
  } finally {
    clearInterval(timer);
  }
}
