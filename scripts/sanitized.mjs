// The native tests and a minute of fuzzing, with sanitizers; `node scripts/sanitized.mjs` runs them alone.
import { mkdtemp, rm } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { buildSanitized, sanitizedTools } from "./build.mjs";
import { CommandFailed, run } from "./process.mjs";
import { root } from "./root.mjs";
import { runMain } from "./steps.mjs";

const fuzzSeconds = 60;
/** Always the same, so that no unrelated change fails. `node scripts/sanitized.mjs SEED` looks elsewhere. */
const usualSeed = "1";

// What a hostile header makes the process reserve is a finding too.
const asan = "detect_leaks=1:max_allocation_size_mb=1024:hard_rss_limit_mb=2048";
const background = { background: true, env: { ASAN_OPTIONS: asan, UBSAN_OPTIONS: "print_stacktrace=1" } };

/**
 * Runs them in what time nothing else wants, so that they can run beside tests that mostly wait. What buildSanitized makes
 * must be there.
 * @returns {Promise<{ tests: number, fuzzed: string }>} how many tests passed, and what the fuzzer says it did
 * @throws {CommandFailed} with a sanitizer's words, or those of a test
 */
export async function runSanitized(seed = usualSeed) {
  // Left out: what computes whole models, in code that is not ours for the most part, and what is about time.
  const left = ["-logits", "-guessed", "-less than a second"];
  const words = await run(path.join(sanitizedTools, "flint-native-tests"), left, background);
  const tests = Number(/^(\d+) passed, 0 failed$/m.exec(words)?.[1]);
  const folder = await mkdtemp(path.join(root, "build/sanitized/fuzz-"));
  const fuzzer = path.join(sanitizedTools, "flint-fuzz");
  try {
    const said = await run(
      fuzzer,
      [path.join(root, "test/fixtures/corpus"), folder, String(fuzzSeconds), seed],
      background,
    );
    await rm(folder, { recursive: true });
    return { tests, fuzzed: said.trimEnd().replaceAll("\n", ", ") };
  } catch (error) {
    if (!(error instanceof CommandFailed)) throw error;
    error.output += `The input is ${path.join(folder, "input")}. Mend what it found, and keep it in test/fixtures/corpus.\n`;
    throw error;
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await runMain(async () => {
    await buildSanitized();
    const { tests, fuzzed } = await runSanitized(process.argv[2]);
    console.log(`${tests} passed; fuzzer: ${fuzzed}`);
  });
}
