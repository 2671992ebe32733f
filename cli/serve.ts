/** `flint serve`: the engine as a server of OpenAI's API. */
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { defaultModelsFolder } from "../models/library/folder.js";
import { ModelsFolder } from "../models/library/modelsFolder.js";
import { type Sidecar, startSidecar } from "../protocol/client.js";
import { isLoopback, readKeys } from "../server/access.js";
import { AddressRefused, type Listening, listen } from "../server/listen.js";
import { ServedModels } from "../server/servedModels.js";
import { Server } from "../server/server.js";
import { EngineHost } from "./engineHost.js";
import { UsageError } from "./exit.js";
import { kvCacheParams } from "./kvCache.js";
import { type GpuOptions, librariesFor } from "./session.js";

export interface ServeOptions extends GpuOptions {
  port: number;
  host: string;
  ramCap: number;
  context?: number;
  draftModel?: string;
  /** Bytes on disk; 0: none. */
  kvCache: number;
  apiKeyFile?: string;
  json?: boolean;
}

/** After so long without a request the model's memory is given back. */
const idleMs = 10 * 60_000;

/**
 * Serves until the signal is aborted.
 * @param paths of the models; none: all of the models folder
 * @throws UsageError; the system's error where the address cannot be had
 */
export async function serve(
  paths: readonly string[],
  options: ServeOptions,
  version: string,
  signal: AbortSignal,
): Promise<void> {
  const { host, port, ramCap, context, draftModel, kvCache, apiKeyFile, vramCap } = options;
  const keys = apiKeyFile === undefined ? [] : await asUsage(readKeys(apiKeyFile));
  if (keys.length === 0 && !isLoopback(host)) {
    throw new UsageError(`other machines reach ${host}: give the keys that they need with --api-key-file`);
  }
  const models =
    paths.length > 0
      ? await asUsage(ServedModels.of(paths))
      : ServedModels.inFolder(() => new ModelsFolder(defaultModelsFolder()));
  const log = (line: string) => process.stderr.write(`${line}\n`);
  const engine = new EngineHost({
    start: starter(options, log),
    loadParams: {
      ramCapBytes: ramCap,
      ...(context === undefined ? {} : { contextTokens: context }),
      ...(draftModel === undefined ? {} : { draftModelPath: draftModel }),
      ...kvCacheParams(kvCache),
      ...(vramCap === undefined ? {} : { vramCapBytes: vramCap }),
    },
    idleMs,
  });
  let listening: Listening | undefined;
  try {
    listening = await listen(new Server(engine, models, version), { host, port, keys, log }).catch((error: unknown) => {
      if (!(error instanceof AddressRefused)) throw error;
      throw new UsageError(
        `${host}, port ${port} can't be used (${error.reason}): choose another with --port or --host`,
      );
    });
    await tell(listening, models, options.json === true);
    if (!signal.aborted) await once(signal, "abort");
  } finally {
    listening?.close();
    await engine.dispose();
  }
  signal.throwIfAborted();
}

/** Starts sidecars: without a GPU after one has died with it. */
function starter({ gpu }: GpuOptions, log: (line: string) => void): () => Promise<Sidecar> {
  let allowed = gpu;
  return async () => {
    const sidecar = await startSidecar({
      scriptPath: fileURLToPath(new URL("sidecar.js", import.meta.url)),
      onLog: log,
      gpu: await librariesFor({ gpu: allowed }),
    });
    void sidecar.exited.then(({ onGpu }) => {
      if (!onGpu) return;
      log("The engine stopped while it used the GPU. From now on, the model runs on the CPU only.");
      allowed = "off";
    });
    return sidecar;
  };
}

/** What is wrong with a file that was named is wrong with how the command was given. */
const asUsage = <T>(work: Promise<T>): Promise<T> =>
  work.catch((error: unknown) => {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  });

async function tell({ url, host, port }: Listening, models: ServedModels, json: boolean): Promise<void> {
  const names = (await models.list()).map(({ id }) => id);
  if (json) process.stdout.write(`${JSON.stringify({ url, port, host, models: names })}\n`);
  else process.stdout.write(`Serving ${names.join(", ") || "no models yet"} at ${url}/v1\n`);
}
