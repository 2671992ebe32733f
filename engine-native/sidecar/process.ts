/** This process: its memory, and its end. */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { processAddonPath } from "./platform.js";

/** Of src/addon/process.cpp. */
interface Addon {
  endWithClient(graceMs: number): void;
  returnLargeBlocks(): void;
  releaseFreeMemory(): void;
  dropCachedFile(path: string): void;
}

const addon: Addon = createRequire(import.meta.url)(processAddonPath);

/** For the process to end by itself when its client is gone, in milliseconds. */
const exitGraceMs = 2000;
/** Of these, for what is kept of the KV cache to reach the disk. */
export const finishMs = 1500;

/** Ends this process soon after its client has closed standard input, also while this thread computes or waits. */
export const endWithClient = (): void => addon.endWithClient(exitGraceMs);

/** Keeps the process from growing with each model. To be called before the first one is loaded. */
export const returnLargeBlocks = (): void => addon.returnLargeBlocks();

/** Gives back to the system what a model has left behind in the heaps of JavaScript and of the C library. */
export function releaseFreeMemory(): void {
  // Clients start the sidecar with --expose-gc.
  globalThis.gc?.();
  addon.releaseFreeMemory();
}

/** Has the page cache, which counts against the cap, forget a file that was read, or written and synced. */
export const dropCachedFile = (path: string): void => addon.dropCachedFile(path);

/** Bytes resident now and at the peak since the process started, as the kernel counts them. */
export function processMemory(): { residentBytes: number; peakBytes: number } {
  if (process.platform === "linux") {
    const status = readFileSync("/proc/self/status", "utf8");
    const kibibytes = (field: string) => Number(new RegExp(`^${field}:\\s+(\\d+) kB$`, "m").exec(status)?.[1]);
    // Not getrusage: its peak is inherited from the process that forked this one.
    return { residentBytes: kibibytes("VmRSS") * 1024, peakBytes: kibibytes("VmHWM") * 1024 };
  }
  return { residentBytes: process.memoryUsage.rss(), peakBytes: process.resourceUsage().maxRSS * 1024 };
}
