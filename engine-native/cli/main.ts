#!/usr/bin/env node
/** The command line: a client of the same sidecar, over the same protocol, as the extension. */
import { readFileSync } from "node:fs";
import { Command, CommanderError, InvalidArgumentError, Option } from "commander";
import { parseSize } from "../size.js";
import type { BenchOptions } from "./bench.js";
import { type Cap, parseCap } from "./cap.js";
import type { ConvertOptions } from "./convert.js";
import type { DownloadCommandOptions } from "./download.js";
import type { EvalOptions } from "./eval.js";
import type { PlanOptions } from "./plan.js";
import type { RunOptions } from "./run.js";

const manifest: { version: string } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8"));

function size(text: string): number {
  const bytes = parseSize(text);
  if (bytes === undefined || bytes <= 0) throw new InvalidArgumentError("a size is like 2300MiB, 4GiB or 4G.");
  return bytes;
}
function count(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 1) throw new InvalidArgumentError("expected a whole number above 0.");
  return value;
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
const sparsity = () =>
  new Option("--sparsity <mode>", "of a converted model: neurons that are not zero, that are predicted, or all")
    .choices(["exact", "predict", "dense"])
    .default("exact");

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
  .option("--suffix-file <file>", "text after the cursor, from a file: makes it an infill")
  .option("--chat", "apply the model's chat template")
  .addOption(new Option("--tokens <n>", "at most so many tokens").argParser(count))
  .addOption(ramCap())
  .addOption(context())
  .addOption(new Option("--temperature <t>", "0 is greedy").argParser(temperature).default(0))
  .addOption(new Option("--seed <n>", "for a temperature above 0").argParser(seed))
  .addOption(new Option("--threads <n>", "threads for arithmetic (default: one a core)").argParser(count))
  .option("--ignore-eos", "go on after the end")
  .option("--trace <file>", "record which experts of a MoE model are used (docs/experts.md)")
  .addOption(
    new Option("--engine <engine>", "stock: llama.cpp alone, with mmap").choices(["flash", "stock"]).default("flash"),
  )
  .addOption(sparsity())
  .addOption(draftModel())
  .option("--json", "print one object, on the last line")
  .action(async (model: string, options: RunOptions) => {
    const { run } = await import("./run.js");
    await run(model, options, interrupt.signal);
  });

program
  .command("plan")
  .description("tell whether a model fits a cap, before it is loaded")
  .argument("<model>", "a .gguf file, or a model to download, by any name that download takes")
  .addOption(ramCap())
  .addOption(context())
  .addOption(draftModel())
  .option("--inline-model <file>", "a model of its own for inline suggestions, in memory within the same cap")
  .option("--json", "print one object")
  .action(async (model: string, options: PlanOptions) => {
    const { plan } = await import("./plan.js");
    await plan(model, options, interrupt.signal);
  });

program
  .command("download")
  .description("fetch a model; a stopped download goes on where it was")
  .argument(
    "<reference>",
    "owner/repo, owner/repo:Q4_K_M, an http(s) address, npm:package@version, or a recommended model",
  )
  .option("--dir <folder>", "where to put it (default: the models folder)")
  .option("--json", "print one object, on the last line")
  .action(async (reference: string, options: DownloadCommandOptions) => {
    const { download } = await import("./download.js");
    await download(reference, options, interrupt.signal);
  });

program
  .command("convert")
  .description("make a model with squared ReLU one whose neurons are read from flash one by one")
  .argument("<model>", "a .gguf file; of a split model its first part")
  .option("--out <folder>", "for what is written (default: the model's)")
  .option("--quantize <type>", "quantize an F16 or BF16 model first, such as Q4_0")
  .option("--calibrate <file>", "text like yours, to fit predictors to")
  .addOption(
    new Option("--ram-cap <size>", "cap on the memory of the conversion").argParser(size).default(4 * 2 ** 30, "4GiB"),
  )
  .option("--json", "print one object, on the last line")
  .action(async (model: string, options: ConvertOptions) => {
    const { convert } = await import("./convert.js");
    await convert(model, options, interrupt.signal);
  });

program
  .command("eval")
  .description("tell how well a model predicts a text, or fills gaps")
  .argument("<model>", "a .gguf file; of a split model its first part")
  .option("--text <file>", "perplexity and next-token accuracy on this text")
  .option("--infill <file>", "exact match on lines of {prefix, suffix, middle} (JSON Lines)")
  .addOption(ramCap())
  .addOption(context())
  .addOption(
    new Option("--engine <engine>", "stock: llama.cpp alone, with mmap").choices(["flash", "stock"]).default("flash"),
  )
  .addOption(sparsity())
  .option("--json", "print one object, on the last line")
  .action(async (model: string, options: EvalOptions) => {
    const { evaluate } = await import("./eval.js");
    await evaluate(model, options, interrupt.signal);
  });

program
  .command("bench")
  .description("measure speed beside stock llama.cpp and the least that this disk allows, under the same cap")
  .argument(
    "[model...]",
    ".gguf files; without any, a synthetic model of 8B shape; a converted one is compared with its source",
  )
  .addOption(new Option("--ram-cap <size|percent>", "for both engines; may be repeated (default: 50%)").argParser(caps))
  .addOption(new Option("--tokens <n>", "in each run, of which the first is not measured").argParser(count).default(16))
  .addOption(new Option("--runs <n>", "of each engine, in turn").argParser(count).default(5))
  .addOption(new Option("--context <tokens>", "tokens of context").argParser(count).default(1024))
  .option("--prompt-file <file>", "what is continued (default: a sentence)")
  .addOption(draftModel())
  .option("--small", "without a model: a smaller synthetic one; the default where CI is set")
  .addOption(
    new Option("--peer <program>", "AirLLM too, which is installed once (a few GB), on a synthetic BF16 model").choices(
      ["airllm"],
    ),
  )
  .option("--sparse", "without a model: one with squared ReLU, converted, of 4.5B shape")
  .option("--chart <file>", "write a picture (SVG)")
  .option("--json", "print one object, on the last line")
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
