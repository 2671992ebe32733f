/** Plans of models that are not here: as good as local ones, from the header alone. */
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { flint, planModel } from "../support/flint.js";
import { type HubServer, startHubServer } from "../support/hubServer.js";
import { syntheticModel } from "../support/models.js";

let model: string;
let hub: HubServer;
let data: string;
beforeAll(async () => {
  model = await syntheticModel("arcee-f16");
  const content = await readFile(model);
  const long = Buffer.alloc(content.length);
  // The length of its first name is 200 MB.
  Buffer.concat([content.subarray(0, 24), Buffer.from([0, 0, 0x80, 0x0c, 0, 0, 0, 0])]).copy(long);
  // Two hundred values of a megabyte, each of which could be.
  const value = Buffer.alloc(21 + (1 << 20));
  value.set([1, 0, 0, 0, 0, 0, 0, 0, 107, 8, 0, 0, 0, 0, 0, 16, 0]);
  const endless = Buffer.concat([
    content.subarray(0, 16),
    Buffer.from([200, 0, 0, 0, 0, 0, 0, 0]),
    ...Array(200).fill(value),
  ]);
  hub = await startHubServer({
    "model-F16.gguf": content,
    "page-Q2_K.gguf": Buffer.from("<!DOCTYPE html><title>Sign in</title>"),
    "long-Q3_K.gguf": long,
    "endless-Q4_0.gguf": endless,
    "cut-Q8_0.gguf": content.subarray(0, content.length - 100_000),
  });
  process.env["HF_ENDPOINT"] = hub.endpoint;
  // The disk is measured in the models folder, which is not to be this user's.
  data = await mkdtemp(path.join(tmpdir(), "flint-data-"));
  process.env["XDG_DATA_HOME"] = data;
});
afterAll(async () => {
  await hub.close();
  await rm(data, { recursive: true });
});

/** What the machine has measured differs each time. */
const lasting = ({ measured: _, estimatedTokensPerSecond: __, ...plan }: Awaited<ReturnType<typeof planModel>>) => plan;

test("a plan from the header alone is the plan of the file", async () => {
  const { minimumCapBytes } = await planModel(model, "--context", "512");
  const options = ["--ram-cap", String(minimumCapBytes + 4 * 2 ** 20), "--context", "512"];
  hub.requests.length = 0;
  const remote = await planModel("owner/model:F16", ...options);
  expect(lasting(remote)).toEqual(lasting(await planModel(model, ...options)));
  expect(remote.weights.streamedBytes).toBeGreaterThan(0);
  expect(remote.estimatedTokensPerSecond).toBeGreaterThan(0);
  // The disk's speed is a disk's, not that of a file without blocks, and bounds the estimate.
  const { streamedBytes } = remote.weights;
  const fastest = (remote.measured?.diskBytesPerSecond ?? 0) / streamedBytes;
  expect(remote.estimatedTokensPerSecond).toBeLessThanOrEqual(fastest * 1.0001);
  expect(hub.requests.every(({ range }) => range !== undefined)).toBe(true);
  const fetched = hub.requests.reduce((sum, { range }) => sum + (range ? range.end - range.start : 0), 0);
  expect(fetched).toBeLessThan((await readFile(model)).length / 2);
});

test("what does not fit is said before anything is downloaded, with status 3", async () => {
  const { status, stderr } = await flint("plan", "owner/model:F16", "--ram-cap", "64MiB");
  expect(status).toBe(3);
  expect(stderr).toMatch(/needs at least .* the cap is 64 MiB/);
});

test.each([
  ["owner/model:Q2_K", /begins with “<!DOCTYPE html>”: perhaps a web page/],
  ["owner/model:Q3_K", /the length of a name is 209715200/],
  ["owner/model:Q4_0", /its header would be longer than 64 MiB/],
  ["owner/model:Q8_0", /cut short/],
])("%s is refused, with the reason and status 4", async (reference, reason) => {
  hub.requests.length = 0;
  const { status, stdout, stderr } = await flint("plan", reference);
  expect(stderr).toMatch(reason);
  // Whatever a header says of itself, no more of it comes than the longest that makes sense.
  const fetched = hub.requests.reduce((sum, { range }) => sum + (range ? range.end - range.start : Infinity), 0);
  expect(fetched).toBeLessThanOrEqual(64 << 20);
  expect(stderr).not.toContain("flint-plan-");
  expect({ status, stdout }).toEqual({ status: 4, stdout: "" });
});

test("no such model is a matter of usage", async () => {
  expect(await flint("plan", "nothing-known")).toMatchObject({ status: 2 });
});
