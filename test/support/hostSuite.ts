/** The suite in test/host/suite as tests of vitest, whichever VS Code runs it. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, expect, test, vi } from "vitest";
import { root } from "../../scripts/root.mjs";
import { fetchModel, starters } from "../../scripts/starter-model.mjs";
import type { HostReport, HostRunOptions } from "./hostReport.js";
import { sha256, startHubServer } from "./hubServer.js";
import { syntheticModel } from "./models.js";
import { isAlive } from "./process.js";

/**
 * Runs the whole suite in one extension host; what it found becomes one test each.
 * @param runInHost starts a VS Code that runs the suite, and resolves when it has ended
 */
export async function testInHost(
  runInHost: (entry: string, options: HostRunOptions) => Promise<HostReport>,
): Promise<void> {
  const model = await fetchModel(starters.inline);
  const modelsFolder = await mkdtemp(path.join(tmpdir(), "flint-host-"));
  // Zeros: what is in it does not matter.
  const large = Buffer.alloc(256 << 20);
  const hub = await startHubServer({ "large.gguf": large });
  hub.fault = () => ({ etag: '"large"' });
  const { tests, sidecarPid } = await runInHost(path.join(root, "test/host/suite/index.ts"), {
    settings: {
      ...{ "flint.model": model, "flint.ramCap": "1GiB", "flint.modelsFolder": modelsFolder },
      // An answer without end ends with it.
      "flint.contextSize": 4096,
      // In a browser it is on: a test that saves would sometimes find nothing to save.
      "files.autoSave": "off",
    },
    files: { "page.gguf": "<!DOCTYPE html><title>Not found</title>" },
    env: {
      FLINT_TEST_MODEL: model,
      FLINT_TEST_INLINE_MODEL: await syntheticModel("llama-iq4_xs"),
      FLINT_TEST_LARGE: `${hub.cdn}/large.gguf`,
      FLINT_TEST_LARGE_SHA256: sha256(large),
    },
  });

  afterAll(async () => {
    await hub.close();
    await rm(modelsFolder, { recursive: true, force: true });
  });

  for (const { title, skipped = false, error } of tests) {
    test.skipIf(skipped)(title, () => {
      if (error !== undefined) throw new Error(error);
    });
  }

  test("the sidecar ends with the extension host", async () => {
    if (sidecarPid === undefined) throw new Error("No sidecar ran when the suite ended.");
    await vi.waitFor(() => expect(isAlive(sidecarPid)).toBe(false), { timeout: 60_000 });
  });
}
