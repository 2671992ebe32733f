/** What cannot work ends with the right status and one line that says what to do: no stack trace, no crash. */
import { copyFile, mkdir, open, rm, truncate, writeFile } from "node:fs/promises";
import { basename } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parseSize } from "../../protocol/size.js";
import { type Ended, flint, inCheckout, planReport, report, runModel } from "../support/flint.js";
import { syntheticModel, vocabulary } from "../support/models.js";

const folder = inCheckout(`build/test-models/refusals-${process.pid}`);
const file = (name: string) => `${folder}/${name}`;
const fast = ["--prompt", "Hello", "--tokens", "2"];

let model: string;
beforeAll(async () => {
  model = await syntheticModel("llama-iq4_xs");
  await mkdir(folder, { recursive: true });
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** One line, for a person, on standard error; nothing on standard output. */
function expectOneLine({ stdout, stderr, signal }: Ended): void {
  expect(signal).toBeNull();
  expect(stdout).toBe("");
  expect(stderr).toMatch(/^flint: [^\n]+\n$/);
  expect(stderr).not.toMatch(/\bat .+:\d+:\d+|node:internal|Error:|undefined|\[object/);
}

/** Each makes a file that is not a usable model, and returns its path. */
const unusable: Record<string, () => Promise<string>> = {
  async "cut short in the weights"() {
    const path = file("cut-weights.gguf");
    await copyFile(model, path);
    await truncate(path, 4_000_000);
    return path;
  },
  async "cut short by one byte"() {
    const path = file("cut-byte.gguf");
    await copyFile(model, path);
    const handle = await open(path);
    const { size } = await handle.stat();
    await handle.close();
    await truncate(path, size - 1);
    return path;
  },
  async "cut short in the header"() {
    const path = file("cut-header.gguf");
    await copyFile(model, path);
    await truncate(path, 1000);
    return path;
  },
  async "with bytes of its header overwritten"() {
    const path = file("damaged.gguf");
    await copyFile(model, path);
    const handle = await open(path, "r+");
    await handle.write(Buffer.alloc(64, 0xff), 0, 64, 24);
    await handle.close();
    return path;
  },
  async "a web page instead of a download"() {
    await writeFile(file("page.gguf"), "<!DOCTYPE html>\n<html><head><title>404</title></head></html>\n");
    return file("page.gguf");
  },
  async "three bytes"() {
    await writeFile(file("three.gguf"), "GGU");
    return file("three.gguf");
  },
  async "only the magic"() {
    await writeFile(file("magic.gguf"), "GGUF");
    return file("magic.gguf");
  },
  async "a directory"() {
    await mkdir(file("folder.gguf"), { recursive: true });
    return file("folder.gguf");
  },
  async "an empty file"() {
    await writeFile(file("empty.gguf"), "");
    return file("empty.gguf");
  },
  async "a missing file"() {
    return file("missing.gguf");
  },
  async "a missing file in a missing folder"() {
    return file("nowhere/missing.gguf");
  },
  async "a name with a space, quotes and a line break"() {
    return file(`it's "new"\nline.gguf`);
  },
  async "a vocabulary without weights"() {
    return vocabulary("llama-spm");
  },
};

// Nothing is loaded here: two at once are as good as one after the other, and sooner done.
describe.concurrent.each(Object.entries(unusable))("%s", (_, make) => {
  let path: string;
  beforeAll(async () => {
    path = await make();
  });

  test.each(["plan", "run", "run on stock"])("%s exits 4", async (command) => {
    const ended = await (command === "plan"
      ? flint("plan", path, "--json")
      : flint("run", path, ...fast, ...(command === "run" ? [] : ["--engine", "stock"])));
    expectOneLine(ended);
    expect(ended.status).toBe(4);
    expect(ended.stderr).toContain(basename(path).split("\n")[0]);
  });
});

describe.concurrent("usage errors exit 2", () => {
  test.each<[string, string[]]>([
    ["no command's name is known", ["dance"]],
    ["no model", ["run"]],
    ["no prompt", ["run", "MODEL"]],
    ["two prompts", ["run", "MODEL", "--prompt", "a", "--prompt-file", "b"]],
    ["a prompt file that is missing", ["run", "MODEL", "--prompt-file", "/nonexistent/prompt.txt"]],
    ["no tokens", ["run", "MODEL", "--prompt", "a", "--tokens", "0"]],
    ["half a token", ["run", "MODEL", "--prompt", "a", "--tokens", "0.5"]],
    ["a cap that is no size", ["plan", "MODEL", "--ram-cap", "lots"]],
    ["a cap of nothing", ["plan", "MODEL", "--ram-cap", "0"]],
    ["a negative temperature", ["run", "MODEL", "--prompt", "a", "--temperature", "-1"]],
    ["a context that is no number", ["plan", "MODEL", "--context", "many"]],
    ["an unknown option", ["plan", "MODEL", "--fast"]],
    ["an unknown engine", ["run", "MODEL", "--prompt", "a", "--engine", "steam"]],
    ["an infill in a chat", ["run", "MODEL", "--prompt", "a", "--chat", "--suffix-file", inCheckout("package.json")]],
    ["a prompt longer than the context", ["run", "MODEL", "--prompt", "word ".repeat(300), "--context", "256"]],
  ])("%s", async (_, args) => {
    const { status, stdout, stderr } = await flint(...args.map((arg) => (arg === "MODEL" ? model : arg)));
    expect(status).toBe(2);
    expect(stdout).toBe("");
    expect(stderr).not.toBe("");
    expect(stderr).not.toMatch(/\bat .+:\d+:\d+|node:internal/);
  });

  test("--help is no error", async () => {
    const { status, stdout, stderr } = await flint("run", "--help");
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    expect(stdout).toContain("--ram-cap");
  });
});

describe("a cap that is too small", () => {
  test.each([[], ["--context", "2048"]])("exits 3 and names the smallest cap, which then works", async (...context) => {
    const planned = await flint("plan", model, "--ram-cap", "64MiB", ...context, "--json");
    expect(planned.status).toBe(3);
    const { fits, minimumCapBytes, contextTokens, reason } = planReport.parse(JSON.parse(planned.stdout));
    expect(fits).toBe(false);
    expect(reason).toBeDefined();

    const ended = await flint("run", model, ...fast, "--ram-cap", "64MiB", ...context);
    expectOneLine(ended);
    expect(ended.status).toBe(3);
    const named = /at least ([\d.]+ [KMGT]iB)/.exec(ended.stderr)?.[1] ?? "";
    // Whoever types the size that is named must not be refused again.
    expect(parseSize(named)).toBeGreaterThanOrEqual(minimumCapBytes);

    for (const cap of [`${minimumCapBytes}`, named]) {
      const { memory, flash, tokens } = await runModel(model, ...fast, "--ram-cap", cap, ...context);
      expect(tokens).toHaveLength(2);
      expect(flash.readBytes).toBeGreaterThan(0);
      expect(memory.capBytes).toBe(parseSize(cap));
      expect(memory.peakBytes).toBeLessThanOrEqual(memory.capBytes);
    }
    // Without a context asked for, a smaller one would be chosen.
    const same = ["--context", `${contextTokens}`];
    const below = await flint("run", model, ...fast, "--ram-cap", `${minimumCapBytes - 1}`, ...same);
    expect(below.status).toBe(3);
  });

  test("names the largest context that would fit", async () => {
    const { minimumCapBytes } = report(planReport, await flint("plan", model, "--context", "256", "--json"));
    const cap = `${minimumCapBytes}`;
    const refused = await flint("plan", model, "--context", "4096", "--ram-cap", cap, "--json");
    expect(refused.status).toBe(3);
    const { maximumContext } = planReport.parse(JSON.parse(refused.stdout));
    expect(maximumContext).toBeGreaterThanOrEqual(256);
    expect(maximumContext).toBeLessThan(4096);
    const { plan } = await runModel(model, ...fast, "--context", `${maximumContext}`, "--ram-cap", cap);
    expect(plan?.contextTokens).toBe(maximumContext);
  });
});
