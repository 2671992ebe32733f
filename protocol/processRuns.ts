import { hasCode } from "./systemErrors.js";

/** Whether a process of this machine runs, for whichever user. */
export function processRuns(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return hasCode(error, "EPERM");
  }
}
