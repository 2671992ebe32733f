/** Models outside the models folder, mostly of other programs: used where they are, never changed, never deleted. */
import type { Dirent } from "node:fs";
import { readdir, readFile, realpath, stat } from "node:fs/promises";
import { homedir } from "node:os";
import { dirname, join, relative } from "node:path";
import * as z from "zod";
import { hasCode } from "../../protocol/systemErrors.js";
import { partOf } from "../sources/names.js";

/** A model of another program, or of a file that a person has chosen. */
export interface ExternalModel {
  /** Or the file's folder. */
  program: string;
  /** For people: what the program calls it. */
  name: string;
  /** Of its first file. */
  path: string;
  /** All its files together. */
  bytes: number;
}

/** Deep enough for every program's folders, shallow enough for a mistaken setting. */
const deepest = 6;

/** All models found, without those that are the same file. Folders that can't be read are passed over. */
export async function findExternalModels(
  environment: NodeJS.ProcessEnv = process.env,
  home: string = homedir(),
): Promise<ExternalModel[]> {
  const { OLLAMA_MODELS, LLAMA_CACHE, HF_HUB_CACHE, HF_HOME } = environment;
  const cache = environment["XDG_CACHE_HOME"] || join(home, ".cache");
  const data = environment["XDG_DATA_HOME"] || join(home, ".local", "share");
  const config = environment["XDG_CONFIG_HOME"] || join(home, ".config");
  const local = environment["LOCALAPPDATA"] || join(home, "AppData", "Local");
  const roaming = environment["APPDATA"] || join(home, "AppData", "Roaming");
  const library = join(home, "Library");
  const trees: [program: string, folders: string[]][] = [
    ["LM Studio", [join(home, ".lmstudio", "models"), join(cache, "lm-studio", "models")]],
    [
      "llama.cpp",
      LLAMA_CACHE
        ? [LLAMA_CACHE]
        : [join(cache, "llama.cpp"), join(library, "Caches", "llama.cpp"), join(local, "llama.cpp")],
    ],
    ["Hugging Face", [HF_HUB_CACHE || join(HF_HOME || join(cache, "huggingface"), "hub")]],
    [
      "GPT4All",
      [
        join(data, "nomic.ai", "GPT4All"),
        join(library, "Application Support", "nomic.ai", "GPT4All"),
        join(local, "nomic.ai", "GPT4All"),
      ],
    ],
    [
      "Jan",
      [join(home, "jan"), join(config, "Jan", "data"), join(data, "Jan", "data"), join(roaming, "Jan", "data")].concat(
        join(library, "Application Support", "Jan", "data"),
      ),
    ],
  ];
  const ollama = OLLAMA_MODELS
    ? [OLLAMA_MODELS]
    : [join(home, ".ollama", "models"), "/usr/share/ollama/.ollama/models"];
  const found = await Promise.all([
    ...trees.flatMap(([program, folders]) => folders.map((folder) => modelsUnder(program, folder))),
    ...ollama.map(ollamaModels),
  ]);
  const byFile = new Map<string, ExternalModel>();
  for (const model of found.flat()) {
    const file = await realpath(model.path).catch(() => model.path);
    if (!byFile.has(file)) byFile.set(file, model);
  }
  return [...byFile.values()];
}

async function modelsUnder(program: string, root: string, depth = deepest): Promise<ExternalModel[]> {
  const files = await ggufFiles(root, depth);
  const models: ExternalModel[] = [];
  for (const path of files) {
    const part = partOf(path);
    if (part && part.index !== 1) continue;
    const own = part ? files.filter((other) => other.length === path.length && samePartsName(other, path)) : [path];
    if (part && own.length !== part.count) continue;
    const sizes = await Promise.all(own.map(fileBytes));
    if (sizes.some((size) => size === 0)) continue;
    const bytes = sizes.reduce((sum, size) => sum + size, 0);
    models.push({ program, name: shortName(relative(root, path)), path, bytes });
  }
  return models;
}

/**
 * The models of the files that a person has chosen one by one, wherever they are; without those that are not there.
 * @param paths each of a model's first file
 */
export async function modelsOfFiles(paths: readonly string[]): Promise<ExternalModel[]> {
  const found = await Promise.all(
    [...new Set(paths)].map(async (path) => {
      const models = await modelsUnder(dirname(path), dirname(path), 1);
      return models.filter((model) => model.path === path);
    }),
  );
  return found.flat();
}

const samePartsName = (one: string, other: string) => one.replace(/-\d{5}-of/, "") === other.replace(/-\d{5}-of/, "");

/** Without what is the same for all models of the Hub's cache. */
function shortName(path: string): string {
  const [, owner, name, file] = /^models--(.+?)--(.+?)[/\\]snapshots[/\\][^/\\]+[/\\](.+)$/.exec(path) ?? [];
  return (file === undefined ? path : `${owner}/${name}/${file}`).replaceAll("\\", "/");
}

async function ggufFiles(folder: string, depth: number): Promise<string[]> {
  const entries = await list(folder);
  const nested = await Promise.all(
    entries.map(async (entry) => {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) return depth > 1 ? ggufFiles(path, depth - 1) : [];
      return /\.gguf$/i.test(entry.name) && !/mmproj/i.test(entry.name) ? [path] : [];
    }),
  );
  return nested.flat();
}

const manifestSchema = z.object({
  layers: z.array(z.object({ mediaType: z.string(), digest: z.string().regex(/^sha256:[0-9a-f]{64}$/) })),
});

/** Ollama keeps files by their digest, and which is whose in `manifests/HOST/OWNER/NAME/TAG`. */
async function ollamaModels(root: string): Promise<ExternalModel[]> {
  const models: ExternalModel[] = [];
  const manifests = join(root, "manifests");
  for (const path of await filesUnder(manifests, 4)) {
    const manifest = manifestSchema.safeParse(await readJson(path));
    const layer = manifest.data?.layers.find(({ mediaType }) => mediaType === "application/vnd.ollama.image.model");
    if (!layer) continue;
    const file = join(root, "blobs", layer.digest.replace(":", "-"));
    const bytes = await fileBytes(file);
    const parts = relative(manifests, path).split(/[/\\]/);
    const [tag, name, owner] = parts.reverse();
    const full = owner === undefined || owner === "library" ? name : `${owner}/${name}`;
    if (bytes > 0) models.push({ program: "Ollama", name: `${full}:${tag}`, path: file, bytes });
  }
  return models;
}

async function filesUnder(folder: string, depth: number): Promise<string[]> {
  const nested = await Promise.all(
    (await list(folder)).map((entry) => {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) return depth > 1 ? filesUnder(path, depth - 1) : [];
      return [path];
    }),
  );
  return nested.flat();
}

async function list(folder: string): Promise<Dirent[]> {
  try {
    return await readdir(folder, { withFileTypes: true });
  } catch (error) {
    if (hasCode(error, "ENOENT", "ENOTDIR", "EACCES", "EPERM", "ELOOP")) return [];
    throw error;
  }
}

async function readJson(path: string): Promise<unknown> {
  try {
    const text = await readFile(path, "utf8");
    return text.length < 1 << 20 ? JSON.parse(text) : undefined;
  } catch {
    // Another program's file: one that can't be read is one that names no model.
    return undefined;
  }
}

/** 0 for what is not there, such as a link to a file that was removed. */
async function fileBytes(path: string): Promise<number> {
  return stat(path).then(
    (info) => (info.isFile() ? info.size : 0),
    () => 0,
  );
}
