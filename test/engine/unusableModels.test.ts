/** Models that llama.cpp would end the process for: they are refused before, and who dies of one all the same says so. */
import { execFile } from "node:child_process";
import { mkdir, rm } from "node:fs/promises";
import { basename } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { EngineClient } from "../../extension/engine/engine.js";
import { UnusableModel } from "../../extension/engine/errors.js";
import { startSidecar } from "../../protocol/client.js";
import { chatRequest, completeRequest, ErrorCode } from "../../protocol/messages.js";
import { flint, inCheckout } from "../support/flint.js";
import { GgufFile } from "../support/ggufFile.js";
import { Judge } from "../support/judge.js";
import { vocabulary } from "../support/models.js";
import { type MutationShape, mutate, mutationShapes, mutations, seeded } from "../support/mutations.js";
import { load, sidecar, sidecarScript } from "../support/sidecar.js";

const folder = inCheckout(`build/test-models/unusable-${process.pid}`);
const bases = new Map<MutationShape, GgufFile>();
const judge = new Judge();

beforeAll(async () => {
  await mkdir(folder, { recursive: true });
  const tool = inCheckout("build/native/native-tests/flint-synthesize");
  for (const [name, shape] of Object.entries(mutationShapes)) {
    const path = `${folder}/${name}.gguf`;
    const options = [...shape.split(" "), "--type", "F16", "--vocab", vocabulary("llama-spm"), "--out", path];
    await promisify(execFile)(tool, options);
    bases.set(name as MutationShape, GgufFile.read(path));
  }
});
afterAll(async () => {
  await judge.dispose();
  await rm(folder, { recursive: true });
});

function base(shape: MutationShape): GgufFile {
  const file = bases.get(shape);
  if (!file) throw new Error(`there is no ${shape}`);
  return file.copy();
}

/** A file with a name of its own. @returns its path */
function changed(shape: MutationShape, change: (file: GgufFile) => unknown, name = "changed"): string {
  const file = base(shape);
  change(file);
  return file.write(`${folder}/${name}.gguf`);
}

/** Nobody has checked that this architecture has experts: llama.cpp asserts it. */
const dying = () =>
  changed(
    "llama",
    (file) => file.become("glm4moe").set("*.expert_feed_forward_length", 64).set("*.expert_shared_count", 0),
    "dying",
  );
const lastWords =
  /dying\.gguf is not a usable model: llama\.cpp gave up with "\S+: GGML_ASSERT\(.*n_expert.*\) failed"/;

describe("a header that contradicts itself", () => {
  test.each(Object.keys(mutationShapes) as MutationShape[])("is not that of %s, which answers", async (shape) => {
    for (const streamed of [false, true]) {
      expect(await judge.judge(`${folder}/${shape}.gguf`, streamed)).toMatchObject({ kind: "answered" });
    }
  });

  test.each(Object.entries(mutations))("%s", async (_, { shape, change, says }) => {
    const path = changed(shape, change);
    const { kind, code, message } = await judge.judge(path);
    expect({ kind, code }, message).toEqual({
      kind: expect.stringMatching(/^(plan|load)$/),
      code: ErrorCode.NotAModel,
    });
    expect(message.replace(path, "")).toMatch(says);
    // For a person, and in one line.
    expect(message).not.toMatch(/\n|undefined|\bNaN \(/);
  });

  test("exits 4 with one line", async () => {
    const path = changed("llama", (file) => file.set("*.block_count", 513));
    for (const command of [
      ["plan", path],
      ["run", path, "--prompt", "Hello"],
    ]) {
      const { status, stdout, stderr } = await flint(...command);
      expect({ status, stdout }, stderr).toEqual({ status: 4, stdout: "" });
      expect(stderr).toMatch(/^flint: \S+ is not a usable model: it [^\n]+\n$/);
    }
  });

  /** FLINT_SEEDS=1000-3000 looks elsewhere. */
  test("is survived when it is changed at random", async () => {
    const [first = 0, end = 100] = (process.env["FLINT_SEEDS"] ?? "0-100").split("-").map(Number);
    const shapes = [...bases.keys()];
    const counts: Record<string, number> = {};
    const deaths: string[] = [];
    for (let seed = first; seed < end; seed++) {
      const random = seeded(seed);
      const shape = shapes[seed % shapes.length] ?? "llama";
      const file = base(shape);
      const changes = Array.from({ length: random() < 0.75 ? 1 : 2 }, () => mutate(file, random));
      const { kind, message } = await judge.judge(file.write(`${folder}/random.gguf`), random() < 0.5);
      counts[kind] = (counts[kind] ?? 0) + 1;
      if (kind === "died" || kind === "hung")
        deaths.push(`${seed} ${shape} ${changes.join("; ")}: ${kind}, ${message}`);
    }
    console.log("changed headers:", counts);
    expect(deaths).toEqual([]);
  });
});

describe("a model that ends the process while it is loaded", () => {
  test("is named with the last words of llama.cpp", async () => {
    expect(await judge.judge(dying())).toMatchObject({
      kind: "died",
      code: ErrorCode.NotAModel,
      message: expect.stringMatching(lastWords),
    });
  });

  test.each(["flash", "stock"])("flint run on %s exits 4 with one line", async (engine) => {
    const { status, stdout, stderr } = await flint("run", dying(), "--prompt", "Hello", "--engine", engine);
    expect({ status, stdout }, stderr).toEqual({ status: 4, stdout: "" });
    expect(stderr).toMatch(lastWords);
    expect(stderr.trimEnd()).not.toContain("\n");
  });

  test("is not loaded again by the extension", async () => {
    const usable = `${folder}/llama.gguf`;
    let modelPath = dying();
    let started = 0;
    const engine = new EngineClient({
      start: () => {
        started += 1;
        return startSidecar({ scriptPath: sidecarScript, onLog: () => undefined });
      },
      settings: () => ({ modelPath, ramCapBytes: 4 * 1024 ** 3, contextTokens: 64 }),
      log: () => undefined,
    });
    onTestFinished(() => engine.dispose());
    const fails = async () => {
      const error: unknown = await engine.load().catch((thrown: unknown) => thrown);
      expect(error).toBeInstanceOf(UnusableModel);
      expect(error).toMatchObject({ message: expect.stringMatching(lastWords), restarted: undefined });
      expect(engine.state).toEqual({ kind: "failed", error });
    };
    await fails();
    await fails();
    expect(started).toBe(1);
    modelPath = usable;
    engine.settingsChanged();
    await engine.load();
    expect(engine.state.kind).toBe("ready");
    expect(started).toBe(2);
  });
});

describe("a model that ends the process before its first token", () => {
  test("is named", async () => {
    // Without bytes among its tokens there is no token for most of what can be written.
    const path = changed("llama", (file) => {
      const tokens = file.find("tokenizer.ggml.tokens")?.value;
      if (!Array.isArray(tokens)) throw new Error("there are no tokens");
      for (const [index, token] of tokens.entries()) {
        if (/^<0x..>$/.test(String(token))) tokens[index] = `no byte ${index}`;
      }
    });
    const { kind, code, message } = await judge.judge(path);
    expect({ kind, code }, message).toEqual({ kind: "died", code: ErrorCode.NotAModel });
    expect(message).toContain(basename(path));
  });
});

describe.each<[string, MutationShape, string, number]>([
  ["NaN in a norm", "llama", "blk.1.attn_norm.weight", Number.NaN],
  ["infinity in a norm", "qwen3", "output_norm.weight", Number.POSITIVE_INFINITY],
  // Not in the up matrix: ReLU of NaN is 0 in some kernels.
  ["NaN in a matrix", "arcee", "blk.0.ffn_down.weight", Number.NaN],
  ["NaN in one token's row of the output", "qwen3moe", "output.weight", Number.NaN],
  ["NaN in a model with recurrent layers", "nemotron_h_moe", "output_norm.weight", Number.NaN],
])("weights with %s", (_, shape, tensor, number) => {
  const prefix = "Hello world";
  const messages = [{ role: "user" as const, text: prefix }];
  const error = {
    code: ErrorCode.NotAModel,
    message: expect.stringMatching(/changed\.gguf is not a usable model: it computes numbers that are NaN or infinite/),
  };

  test.each([false, true])("are an error, not an empty answer (streamed: %s)", async (streamed) => {
    const path = changed(shape, (file) => file.fill(tensor, number, 8));
    const started = await sidecar();
    const { plan } = await load(started, path, { contextTokens: 64 });
    if (streamed) await load(started, path, { contextTokens: 64, ramCapBytes: plan?.minimumCapBytes ?? 0 });
    const { connection } = started;
    for (const more of [{}, { temperature: 1 }, { temperature: 1, seed: 7 }]) {
      await expect(connection.sendRequest(completeRequest, { prefix, ...more })).rejects.toMatchObject(error);
      await expect(connection.sendRequest(chatRequest, { messages, ...more })).rejects.toMatchObject(error);
    }
    // The process lives on.
    await load(started, `${folder}/${shape}.gguf`, { contextTokens: 64 });
    const { tokens } = await connection.sendRequest(completeRequest, { prefix, maximumTokens: 2, ignoreEos: true });
    expect(tokens).toHaveLength(2);
  });
});
