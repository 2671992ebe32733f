import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, expect, test, vi } from "vitest";
import { root } from "../../scripts/build.mjs";
import { starterModel } from "../../scripts/starter-model.mjs";
import { syntheticModel } from "../engine/support/models.js";
import { runInExtensionHost } from "../harness/extensionHost.js";
import { sha256, startHubServer } from "../harness/hubServer.js";
import { isAlive } from "../harness/process.js";

// One extension host for the whole suite; what it found becomes one test each.
const model = await starterModel();
const modelsFolder = await mkdtemp(path.join(tmpdir(), "flint-host-"));
// Zeros: what is in it does not matter.
const large = Buffer.alloc(256 << 20);
const hub = await startHubServer({ "large.gguf": large });
hub.fault = () => ({ etag: '"large"' });
const { tests, sidecarPid } = await runInExtensionHost(path.join(root, "test/host/suite/index.ts"), {
  settings: { "flint.model": model, "flint.ramCap": "768MiB", "flint.modelsFolder": modelsFolder },
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

for (const { title, error } of tests) {
  test(title, () => {
    if (error !== undefined) throw new Error(error);
  });
}

test("the sidecar ends with the extension host", async () => {
  if (sidecarPid === undefined) throw new Error("No sidecar ran when the suite ended.");
  await vi.waitFor(() => expect(isAlive(sidecarPid)).toBe(false), { timeout: 60_000 });
});
