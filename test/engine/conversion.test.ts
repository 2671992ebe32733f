/** A conversion in a models folder: what it will take, that it yields, goes on after it was cut off, and what it leaves. */
import { copyFile, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { constants, tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { CancellationTokenSource } from "vscode-jsonrpc";
import {
  type Conversion,
  type Converter,
  convertModel,
  isConvertibleFile,
  isConverting,
  newConversion,
} from "../../models/library/conversion.js";
import { ModelsFolder } from "../../models/library/modelsFolder.js";
import {
  type ConvertProgress,
  convertProgress,
  convertRequest,
  ErrorCode,
  planConversionRequest,
} from "../../protocol/messages.js";
import { inCheckout } from "../support/flint.js";
import { syntheticModel } from "../support/models.js";
import { sidecar } from "../support/sidecar.js";

const name = "flint-tiny-relu2-f16.gguf";
const converted = "flint-tiny-relu2-f16-flash.gguf";
const ramCapBytes = 1024 ** 3;

let folder: string;
let models: ModelsFolder;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "flint-conversion-"));
  models = new ModelsFolder(folder);
  await copyFile(inCheckout(`test/fixtures/${name}`), path.join(folder, name));
});
afterAll(() => rm(folder, { recursive: true }));

/** As the extension does it. */
async function converter(): Promise<Converter> {
  const { connection } = await sidecar();
  return async (params, signal, onProgress) => {
    const cancellation = new CancellationTokenSource();
    signal.addEventListener("abort", () => cancellation.cancel());
    const listener = connection.onProgress(convertProgress, "conversion", onProgress);
    const request = { ...params, progressToken: "conversion" };
    return connection.sendRequest(convertRequest, request, cancellation.token).finally(() => listener.dispose());
  };
}

/** The nice values of all converters that this process's sidecars run. */
async function niceOfConverters(): Promise<number[]> {
  const stats = await Promise.all(
    (await readdir("/proc"))
      .filter((entry) => /^\d+$/.test(entry))
      .map((pid) => readFile(`/proc/${pid}/stat`, "utf8").catch(() => "")),
  );
  return stats
    .filter((stat) => stat.includes("(flint-convert)"))
    .map((stat) => Number(stat.split(") ")[1]?.split(" ")[16]));
}

test("is offered by the kind of model, and its price is known from the header", async () => {
  const { connection } = await sidecar();
  expect(await isConvertibleFile(path.join(folder, name))).toBe(true);
  const dense = await syntheticModel("llama-iq4_xs");
  expect(await isConvertibleFile(dense)).toBe(false);
  await expect(connection.sendRequest(planConversionRequest, { modelPath: dense })).rejects.toMatchObject({
    code: ErrorCode.NotAModel,
  });
  await expect(
    connection.sendRequest(planConversionRequest, { modelPath: path.join(folder, name), ramCapBytes: 1e6 }),
  ).rejects.toMatchObject({ code: ErrorCode.DoesNotFit, message: expect.stringContaining("at least") });
});

test("goes on where it was cut off, comes to what was planned, and is deleted whole", async () => {
  const modelPath = path.join(folder, name);
  const { connection } = await sidecar();
  const plan = await connection.sendRequest(planConversionRequest, { modelPath, ramCapBytes });
  const wanted: Conversion = newConversion(name, undefined, true);
  const run = async (onProgress: (progress: ConvertProgress) => void, signal = new AbortController().signal) =>
    convertModel(models.model(name), wanted, { converter: await converter(), ramCapBytes, signal, onProgress });

  const stop = new AbortController();
  const nice: Promise<number[]>[] = [];
  const cut = run(({ stage, done }) => {
    if (stage === "calibrate" && done === 0) nice.push(niceOfConverters());
    if (stage === "layers" && done > 0) stop.abort();
  }, stop.signal);
  const second = cut.catch(() => undefined);
  await expect(cut).rejects.toThrow();
  await second;
  expect(await nice[0]).toContain(constants.priority.PRIORITY_BELOW_NORMAL);
  expect(await isConverting(models.model(name))).toBe(false);
  const [source, ...others] = await models.list();
  expect(others).toEqual([]);
  expect(source).toMatchObject({ name, state: "ready", conversion: { source: name, thenUse: true } });
  expect(source?.conversion?.verified).toBeUndefined();

  const result = await run(() => undefined);
  expect(result).toMatchObject({ modelBytes: plan.modelBytes, storeBytes: plan.storeBytes, equalTokens: 64 });
  const model = (await models.list()).find((other) => other.name === converted);
  expect(model).toMatchObject({ state: "ready", converted: { from: { verified: { tokens: 64, equal: 64 } } } });
  // What is said to be freed is what the disk has: without the holes of the skeleton.
  expect(model?.bytes).toBeLessThan((plan.modelBytes + plan.storeBytes) * 1.02);
  await writeFile(path.join(folder, `${converted}.experts`), "");
  await writeFile(path.join(folder, `${name}.experts`), "");
  if (!model || !source) throw new Error("There is no converted model.");
  await models.delete(source);
  expect((await readdir(folder)).sort()).toEqual(
    [".flint", converted, `${converted}.experts`, converted.replace("gguf", "flash")].sort(),
  );
  await models.delete(model);
  expect(await readdir(folder)).toEqual([".flint"]);
  expect(await readdir(path.join(folder, ".flint"))).toEqual([]);
});

test("that was given up leaves the model alone, and no more", async () => {
  const other = new ModelsFolder(path.join(folder, "other"));
  await mkdir(path.join(other.path, ".flint"), { recursive: true });
  await copyFile(inCheckout(`test/fixtures/${name}`), path.join(other.path, name));
  const failing: Converter = async ({ folder = "" }) => {
    await mkdir(path.join(folder, `.${converted.replace(".gguf", "")}.part`));
    throw new Error("The disk is too full.");
  };
  const options = { converter: failing, ramCapBytes, signal: new AbortController().signal };
  const run = convertModel(other.model(name), newConversion(name, undefined, false), {
    ...options,
    onProgress: () => undefined,
  });
  await expect(run).rejects.toThrow("too full");
  const [model] = await other.list();
  if (!model) throw new Error("The model is gone.");
  await other.delete(model);
  expect(await readdir(other.path)).toEqual([".flint"]);
  expect(await readdir(path.join(other.path, ".flint"))).toEqual([]);
});
