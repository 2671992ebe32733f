/** What this process takes, as the kernel counts it. */
import { readFileSync } from "node:fs";

/** Bytes resident now and at the peak since the process started. */
export function processMemory(): { residentBytes: number; peakBytes: number } {
  if (process.platform === "linux") {
    const status = readFileSync("/proc/self/status", "utf8");
    const kibibytes = (field: string) => Number(new RegExp(`^${field}:\\s+(\\d+) kB$`, "m").exec(status)?.[1]);
    // Not getrusage: its peak is inherited from the process that forked this one.
    return { residentBytes: kibibytes("VmRSS") * 1024, peakBytes: kibibytes("VmHWM") * 1024 };
  }
  return { residentBytes: process.memoryUsage.rss(), peakBytes: process.resourceUsage().maxRSS * 1024 };
}
