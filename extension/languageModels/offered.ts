/** The models that VS Code's own chat and agents are offered: those of the models folder and the one in use. */
import { stat } from "node:fs/promises";
import { basename } from "node:path";
import * as l10n from "@vscode/l10n";
import type { ModelsFolder } from "../../models/library/modelsFolder.js";
import type { Inspection, Plan } from "../../protocol/messages.js";
import type { Backend } from "../backends/backend.js";
import { integer, memorySize } from "../numbers.js";

export interface OfferedModel {
  /** What settings and other extensions call it. */
  id: string;
  /** For a person. */
  name: string;
  /** In a few words: where it runs, and what that takes. */
  detail: string;
  /** Prompt and answer together, in tokens. */
  contextTokens: number;
  /** Why it is not offered to agents, in a sentence. */
  toolsRefusal?: string;
  backend: Backend;
}

export interface LocalModels {
  folder(): ModelsFolder;
  /** The path of the chat model of the settings. */
  chosen(): string | undefined;
  ramCapBytes(): number;
  /** With the settings of now. @throws what the engine throws */
  plan(modelPath: string): Promise<Plan>;
  inspect(modelPath: string): Promise<Inspection>;
  backendOf(modelPath: string): Backend;
  log(line: string): void;
}

/** Models of this machine. Each is planned and its header read once for each cap and version of the file. */
export class OfferedModels {
  private readonly known = new Map<string, Promise<OfferedModel | undefined>>();

  constructor(private readonly local: LocalModels) {}

  /** The model in use first. What does not fit the cap is left out. */
  async list(): Promise<OfferedModel[]> {
    const { folder, chosen, log } = this.local;
    const found = await folder()
      .list()
      .catch((error: unknown) => {
        log(`language models: ${String(error)}`);
        return [];
      });
    const ready = found.filter(({ state }) => state === "ready").map(({ path }) => path);
    const paths = new Set([chosen(), ...ready].filter((path) => path !== undefined));
    const models = await Promise.all([...paths].map((path) => this.model(path)));
    return models.filter((model) => model !== undefined);
  }

  private async model(path: string): Promise<OfferedModel | undefined> {
    const file = await stat(path).catch(() => undefined);
    if (!file) return undefined;
    const key = [path, file.mtimeMs, this.local.ramCapBytes()].join(" ");
    const known = this.known.get(key) ?? this.describe(path, file.size);
    this.known.set(key, known);
    return known.catch((error: unknown) => {
      this.known.delete(key);
      this.local.log(`language models: ${String(error)}`);
      return undefined;
    });
  }

  private async describe(path: string, bytes: number): Promise<OfferedModel | undefined> {
    const { plan, inspect, backendOf, ramCapBytes } = this.local;
    const { fits, contextTokens, estimatedTokensPerSecond } = await plan(path);
    if (!fits) return undefined;
    const { name, toolsRefusal } = await inspect(path);
    const id = basename(path).replace(/\.gguf$/i, "");
    const speed =
      estimatedTokensPerSecond === undefined
        ? ""
        : l10n.t(", about {0} tokens/s", integer(Math.ceil(estimatedTokensPerSecond)));
    return {
      id,
      name: name ?? id,
      detail: l10n.t("{0} in {1}{2}", memorySize(bytes), memorySize(ramCapBytes()), speed),
      contextTokens,
      ...(toolsRefusal === undefined ? {} : { toolsRefusal }),
      backend: backendOf(path),
    };
  }
}
