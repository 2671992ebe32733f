/** In wine too a sidecar ends when its client is killed, whatever it does. */
import { expect, onTestFinished, test, vi } from "vitest";
import { inCheckout } from "../support/flint.js";
import { syntheticModel } from "../support/models.js";
import { startWindows, windowsExtension, windowsNode, windowsPath, windowsSidecars } from "../support/wine.js";

const patient = { timeout: 120_000, interval: 50 };
const ramCapBytes = 300 * 1024 ** 2;
const contextTokens = 256;

type Requests = [method: string, params: object][];
const phases: [string, (modelPath: string) => Requests, lines: number][] = [
  ["starts", () => [], 0],
  ["waits", () => [], 1],
  ["plans", (modelPath) => [["plan", { modelPath, ramCapBytes, contextTokens }]], 1],
  ["loads", (modelPath) => [["load", { modelPath, engine: "flash", ramCapBytes, contextTokens }]], 1],
  [
    "generates",
    (modelPath) => [
      ["load", { modelPath, engine: "flash", ramCapBytes, contextTokens }],
      ["complete", { prefix: "Hello", ignoreEos: true, progressToken: "watched" }],
    ],
    2,
  ],
  ["converts", () => [["convert", { ...conversion(), progressToken: "watched" }]], 2],
];

const conversion = () => ({
  modelPath: windowsPath(inCheckout("test/fixtures/flint-tiny-relu2-f16.gguf")),
  folder: windowsPath(inCheckout("build/windows/killed")),
});

test.each(phases)("while it %s", async (_, requests, lines) => {
  const model = windowsPath(await syntheticModel("arcee-f16"));
  const script = windowsPath(`${windowsExtension()}/dist/sidecar.js`);
  const parent = windowsPath(inCheckout("test/support/parent.mjs"));
  const client = await startWindows(windowsNode(), [parent, script, JSON.stringify(requests(model))]);
  onTestFinished(() => {
    for (const pid of windowsSidecars().filter((each) => each !== client.process.pid)) process.kill(pid, "SIGKILL");
  });
  const written = () => client.output().stdout.split("\n").length - 1;
  await vi.waitFor(() => {
    expect(sidecarsOf(client.process.pid)).toHaveLength(1);
    expect(written()).toBeGreaterThanOrEqual(lines);
  }, patient);
  client.process.kill("SIGKILL");
  await client.ended;
  await vi.waitFor(() => expect(sidecarsOf(client.process.pid)).toEqual([]), patient);
});

const sidecarsOf = (client: number | undefined) => windowsSidecars().filter((pid) => pid !== client);
