import { describe, expect, test } from "vitest";
import { describeEnd, lastWords } from "./sidecarEnd.js";

const assertion =
  "/home/runner/work/llama.cpp/src/llama-model.cpp:1260: GGML_ASSERT(hparams.n_layer_all > 0 && hparams.n_layer_all <= LLAMA_MAX_LAYERS) failed";

describe("last words", () => {
  test.each<[string, string[], string | undefined]>([
    [
      "a failed assertion, without folders",
      ["llama.cpp warn: slow", assertion, ""],
      "llama-model.cpp:1260: GGML_ASSERT(hparams.n_layer_all > 0 && hparams.n_layer_all <= LLAMA_MAX_LAYERS) failed",
    ],
    ["the same on Windows", ["D:\\a\\llama.cpp\\ggml.c:7: fatal error"], "ggml.c:7: fatal error"],
    [
      "an assertion before its backtrace",
      [assertion.replace(/GGML_ASSERT.*/, "x failed"), "/lib/libggml-base.so(+0x1)[0x7f]"],
      "llama-model.cpp:1260: x failed",
    ],
    [
      "an exception",
      ["terminate called after throwing an instance of 'std::out_of_range'", "  what():  _Map_base::at"],
      "_Map_base::at",
    ],
    ["an error of llama.cpp", ["llama.cpp error: no tensor", "llama.cpp warn: slow"], "no tensor"],
    ["nothing that explains it", ["llama.cpp warn: slow"], undefined],
  ])("%s", (_, log, words) => expect(lastWords(log)).toBe(words));
});

describe("the end of a sidecar", () => {
  test.each<[string, { code: number | null; signal: NodeJS.Signals | null }, string[], string | undefined]>([
    ["aborted on trial", { code: null, signal: "SIGABRT" }, ["/a.gguf"], "/a.gguf"],
    ["aborted while a draft model was loaded", { code: null, signal: "SIGSEGV" }, ["/a.gguf", "/d.gguf"], "/d.gguf"],
    ["an access violation on Windows", { code: 0xc000_0005, signal: null }, ["/a.gguf"], "/a.gguf"],
    ["aborted when no model was on trial", { code: null, signal: "SIGABRT" }, [], undefined],
    ["killed, as where memory runs out", { code: null, signal: "SIGKILL" }, ["/a.gguf"], undefined],
    ["an error of our own", { code: 70, signal: null }, ["/a.gguf"], undefined],
    ["told to end", { code: 0, signal: null }, ["/a.gguf"], undefined],
  ])("%s", (_, end, onTrial, model) => {
    const { unusableModel, ...rest } = describeEnd(end, onTrial, [assertion]);
    expect(rest).toEqual(end);
    if (model === undefined) expect(unusableModel).toBeUndefined();
    else expect(unusableModel?.message).toMatch(new RegExp(`^${model} is not a usable model: .*GGML_ASSERT`));
  });

  test("a GPU is blamed before a model, and only for a crash", () => {
    const crash = { code: null, signal: "SIGABRT" } as const;
    expect(describeEnd(crash, "gpu", [assertion])).toEqual({ ...crash, onGpu: true });
    const told = { code: 0, signal: null };
    expect(describeEnd(told, "gpu", [])).toEqual(told);
  });
});
