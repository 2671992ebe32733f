/** llama.cpp's libraries for GPUs on this machine: where they are, and how they get here. */
import { mkdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import * as l10n from "@vscode/l10n";
import { extract } from "tar";
import { type GpuKind, type GpuLibraries, gpuKinds, gpuPackages } from "../../protocol/gpu.js";
import { cached, cacheFolder, exists } from "../cache.mjs";
import { DownloadError } from "../errors.js";
import { newTransferState } from "../record.js";
import { defaultPatience } from "../transfer/http.js";
import { transfer } from "../transfer/transfer.js";
import { areKnown, integrities } from "./packages.js";

/** On the disk, archives included: CUDA's are large. */
const diskBytes: Readonly<Record<GpuKind, number>> = { vulkan: 120e6, cuda: 1500e6 };

/**
 * The libraries that are here; CUDA's where both are, if NVIDIA's driver is there. `FLINT_GPU_LIBRARIES` names a folder to look in
 * instead of the cache; empty, it stands for none.
 * @param installation the folder with Flint's `package.json`
 */
export async function findGpuLibraries(installation: string): Promise<GpuLibraries | undefined> {
  const { FLINT_GPU_LIBRARIES: given } = process.env;
  if (given === "") return undefined;
  const version = await versionIn(installation);
  const driver = await hasNvidiaDriver();
  for (const kind of gpuKinds.toReversed()) {
    if (kind === "cuda" && !driver) continue;
    const folder = given ?? join(cacheFolder(), nameOf(kind, version));
    const [main] = gpuPackages(kind);
    if (await exists(join(folder, main, "package.json"))) return { kind, folder };
  }
  return undefined;
}

/** The kinds that can be fetched for this platform, of which the first fits every GPU. */
export async function fetchableKinds(installation: string): Promise<GpuKind[]> {
  const version = await versionIn(installation);
  return gpuKinds.filter((kind) => areKnown(kind, version));
}

/**
 * Fetches libraries from the user's package registry, unless they are here. Each archive is checked against a digest that is a part of
 * Flint, and all get their place together.
 * @param onProgress takes the bytes that have arrived
 * @throws DownloadError; what `signal` says when it is aborted
 */
export async function fetchGpuLibraries(
  kind: GpuKind,
  installation: string,
  { signal, onProgress }: { signal: AbortSignal; onProgress(bytes: number): void },
): Promise<GpuLibraries> {
  const version = await versionIn(installation);
  if (!areKnown(kind, version)) {
    throw new DownloadError(
      "notFound",
      l10n.t("node-llama-cpp {0} has no GPU libraries of this kind for this platform.", version),
    );
  }
  let before = 0;
  const folder = await cached(nameOf(kind, version), diskBytes[kind], async (temporary) => {
    for (const name of gpuPackages(kind)) {
      before += await fetchPackage(`${name}@${version}`, join(temporary, name), signal, (bytes) =>
        onProgress(before + bytes),
      );
    }
  });
  return { kind, folder };
}

/** @returns the bytes of its archive */
async function fetchPackage(
  spec: string,
  folder: string,
  signal: AbortSignal,
  onProgress: (bytes: number) => void,
): Promise<number> {
  // Only here: npm's client takes time to load.
  const { findPackage, npmHttp } = await import("../sources/npm.js");
  const { url, digest: promised } = await findPackage(spec, signal);
  const hex = Buffer.from(integrities[spec]?.slice("sha512-".length) ?? "", "base64").toString("hex");
  if (promised.hex !== hex) {
    throw new DownloadError(
      "damaged",
      l10n.t("{0} in the registry is not the package that Flint was tested with, so it was not installed.", spec),
    );
  }
  await mkdir(folder, { recursive: true });
  const archive = `${folder}.tgz`;
  const state = newTransferState();
  await transfer({
    ...{ url, what: spec, digest: promised, path: archive, state, http: await npmHttp(), signal },
    ...{ patience: defaultPatience, connections: 4, aloneMs: 250 },
    // What has arrived of an unfinished one is removed with its folder.
    snapshot: () => async () => undefined,
    onProgress: (phase, done) => phase === "download" && onProgress(done),
  });
  await extract({ file: archive, cwd: folder, strip: 1, strict: true });
  await rm(archive);
  return state.bytes ?? 0;
}

const nameOf = (kind: GpuKind, version: string) => `gpu/${kind}-${version}`;

/** Of node-llama-cpp in an installation. */
async function versionIn(installation: string): Promise<string> {
  const text = await readFile(join(installation, "node_modules/node-llama-cpp/package.json"), "utf8");
  const { version }: { version: string } = JSON.parse(text);
  return version;
}

/** Without it CUDA's libraries can't be loaded. */
function hasNvidiaDriver(): Promise<boolean> {
  const { SystemRoot: windows = "C:/Windows" } = process.env;
  return exists(process.platform === "win32" ? join(windows, "System32/nvcuda.dll") : "/dev/nvidiactl");
}
