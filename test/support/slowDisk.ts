import { inCheckout } from "./flint.js";

/** Environment of a process whose disk is so slow, in bytes per second of each of eight threads, that guesses pay on any processor. */
export const slowDisk = {
  LD_PRELOAD: inCheckout("build/native/native-tests/libflint-held-reads.so"),
  FLINT_SLOW_READS: "10000000",
};
