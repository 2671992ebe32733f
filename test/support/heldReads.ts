/** A disk that does not answer: direct reads of a process hang for as long as the test likes. Linux only. */
import { execFile } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { open, rm } from "node:fs/promises";
import { promisify } from "node:util";
import { inCheckout } from "./flint.js";

const heldReads = inCheckout("build/native/native-tests/libflint-held-reads.so");

export interface HeldReads {
  /** For the environment of the process. */
  env: Record<string, string>;
  /** From now on no direct read of it ends. */
  hold(): Promise<unknown>;
  release(): Promise<void>;
}

/** @param onFinished is called with what ends the hold when the test ends */
export function createHeldReads(name: string, onFinished: (release: () => Promise<void>) => void): HeldReads {
  const pipe = inCheckout(`build/test-models/held-${name}-${process.pid}`);
  const release = async () => {
    // To open it for reading and writing waits for nobody, and wakes all who wait for a writer.
    const file = await open(pipe, "r+").catch(() => undefined);
    await rm(pipe, { force: true });
    await file?.close();
  };
  onFinished(release);
  return {
    env: { LD_PRELOAD: heldReads, FLINT_HELD_READS: pipe },
    hold: () => promisify(execFile)("mkfifo", [pipe]),
    release,
  };
}

/** Whether a thread of the process waits in a read that is held. */
export function isHeld(pid: number): boolean {
  return readdirSync(`/proc/${pid}/task`).some((thread) => {
    // The kernel's function in which a named pipe is opened.
    return readFileSync(`/proc/${pid}/task/${thread}/wchan`, "utf8") === "wait_for_partner";
  });
}
