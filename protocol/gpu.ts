/** llama.cpp's libraries for GPUs. They are no part of a package: they are fetched when they are first wanted. */

export const gpuKinds = ["vulkan", "cuda"] as const;
export type GpuKind = (typeof gpuKinds)[number];

/** Libraries that are there. */
export interface GpuLibraries {
  kind: GpuKind;
  /** Holds node-llama-cpp's packages for it by their full names, as a folder `node_modules` does. */
  folder: string;
}

const platform = `${process.platform === "win32" ? "win" : process.platform}-${process.arch}`;

/** node-llama-cpp's packages for this platform that make one kind: the first is needed, the others are what it loads. */
export function gpuPackages(kind: GpuKind): readonly [string, ...string[]] {
  const main = `@node-llama-cpp/${platform}-${kind}`;
  return kind === "cuda" ? [main, `${main}-ext`] : [main];
}

/** What a sidecar is started with, so that it uses them. */
export const gpuArguments = ({ kind, folder }: GpuLibraries): string[] => ["--gpu", kind, folder];

/** Reads {@link gpuArguments} in a sidecar. @throws where they are something else */
export function parseGpuArguments(args: readonly string[]): GpuLibraries | undefined {
  const [option, name, folder] = args;
  if (option === undefined) return undefined;
  const kind = gpuKinds.find((known) => known === name);
  if (option === "--gpu" && kind && folder !== undefined) return { kind, folder };
  throw new Error(`A sidecar does not take the arguments ${args.join(" ")}.`);
}
