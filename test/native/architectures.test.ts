/** The table of architectures in engine-native says what the sources of the llama.cpp say that node-llama-cpp ships. */
import { readdir, readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { inCheckout } from "../support/flint.js";

const llamaSource = (path: string) => readFile(inCheckout(`build/llama.cpp/src/${path}`), "utf8");

type Rule = "kAnyHeads" | "kEqualHeads" | "kWhollyRotated";

/** What the graph of each class of a model asserts of a head. */
async function rulesOfClasses(): Promise<Map<string, Rule>> {
  const rules = new Map<string, Rule>();
  for (const name of await readdir(inCheckout("build/llama.cpp/src/models"))) {
    if (!name.endsWith(".cpp")) continue;
    const graphs = /^(?:template <bool \w+>\n)?llama_model_(\w+?)(?:<\w+>)?::graph(?:<\w+>)?::graph\(.*?^}/gms;
    for (const [body, model = ""] of (await llamaSource(`models/${name}`)).matchAll(graphs)) {
      const equal = /GGML_ASSERT\(n_embd_head == hparams\.n_embd_head_[kv]\(\)\)/.test(body);
      const rotated = /GGML_ASSERT\(n_embd_head == (hparams\.)?n_rot(\(\))?\)/.test(body);
      rules.set(model, equal && rotated ? "kWhollyRotated" : equal ? "kEqualHeads" : "kAnyHeads");
    }
  }
  return rules;
}

/** The class of each architecture, by the name of its constant. */
async function classes(): Promise<Map<string, string>> {
  const source = await llamaSource("llama-model.cpp");
  const found = new Map<string, string>();
  let constants: string[] = [];
  for (const [, constant, model] of source.matchAll(/case LLM_ARCH_(\w+):|return new llama_model_(\w+)\(/g)) {
    if (constant !== undefined) constants.push(constant);
    else {
      for (const each of constants) if (!found.has(each)) found.set(each, model ?? "");
      constants = [];
    }
  }
  return found;
}

test("architectures are those of llama.cpp, with what it asserts of a head", async () => {
  const rules = await rulesOfClasses();
  const models = await classes();
  const expected: Record<Rule, string[]> = { kAnyHeads: [], kEqualHeads: [], kWhollyRotated: [] };
  for (const [, constant = "", name = ""] of (await llamaSource("llama-arch.cpp")).matchAll(
    /\{ LLM_ARCH_(\w+),\s*"([^"]+)"/g,
  )) {
    // Known by name only.
    if (constant === "UNKNOWN" || constant === "CLIP") continue;
    expected[rules.get(models.get(constant) ?? "") ?? "kAnyHeads"].push(name);
  }
  const table = await readFile(inCheckout("engine-native/src/gguf/architectures.cpp"), "utf8");
  for (const [rule, names] of Object.entries(expected)) {
    const [, listed = ""] = new RegExp(`${rule} = \\{([^}]*)\\}`).exec(table) ?? [];
    const said = [...listed.matchAll(/"([^"]+)"/g)].map(([, name]) => name);
    expect(said).toEqual(names.sort());
  }
});
