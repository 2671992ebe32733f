/** The models that VS Code's own chat and agents are offered: those of the models folder and the one in use. */
import { stat } from "node:fs/promises";
import { basename } from "node:path";
import { isDeepStrictEqual } from "node:util";
import * as l10n from "@vscode/l10n";
import type { Memento } from "vscode";
import type { ModelsFolder } from "../../models/library/modelsFolder.js";
import type { Inspection, Plan } from "../../protocol/messages.js";
import type { Backend } from "../backends/backend.js";
import type { OtherModel } from "../engine/currentSettings.js";
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
  /** Tokens of context that a person has set; undefined: none. */
  contextTokens(): number | undefined;
  /** With the settings of now. @throws what the engine throws */
  plan(model: OtherModel): Promise<Plan>;
  inspect(modelPath: string): Promise<Inspection>;
  backendOf(model: OtherModel): Backend;
  /** Of Flint and its language: what others have found may be out of date. */
  version: string;
  /** Keeps what was found of models over restarts. */
  memento: Pick<Memento, "get" | "update">;
  log(line: string): void;
}

/**
 * VS Code's agent has a prompt of some 17,000 tokens, tools and all (1.139), beside which it keeps free what an answer may take. What
 * does not fit it leaves out without a word, the question first of all.
 */
const agentContextTokens = 32_768;
const leastForAgents = 28_672;

/** What was found of a model, with all that it depends on in its key. */
interface Found {
  key: string;
  /** Absent: it does not fit. */
  told?: Omit<OfferedModel, "backend">;
  /** Of the context to load, where that is not the engine's choice. */
  contextTokens?: number;
}

const rememberedKey = "flint.offeredModels";

/** Models of this machine. Each is planned and its header read once for all that its plan depends on. */
export class OfferedModels {
  /** By path. */
  private readonly finding = new Map<string, { key: string; found: Promise<Found> }>();

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
    await this.remember(paths);
    return models.filter((model) => model !== undefined);
  }

  private async model(path: string): Promise<OfferedModel | undefined> {
    const file = await stat(path).catch(() => undefined);
    if (!file) return undefined;
    const { ramCapBytes, contextTokens, version, backendOf, log } = this.local;
    const key = [version, file.size, file.mtimeMs, ramCapBytes(), contextTokens() ?? 0].join(" ");
    try {
      const { told, contextTokens: loaded } = await this.found(path, key, file.size);
      return told && { ...told, backend: backendOf({ modelPath: path, contextTokens: loaded }) };
    } catch (error) {
      this.finding.delete(path);
      log(`language models: ${String(error)}`);
      return undefined;
    }
  }

  private found(path: string, key: string, bytes: number): Promise<Found> {
    const known = this.finding.get(path);
    if (known?.key === key) return known.found;
    const remembered = this.remembered[path];
    const found = remembered?.key === key ? Promise.resolve(remembered) : this.find(path, key, bytes);
    this.finding.set(path, { key, found });
    return found;
  }

  private get remembered(): Record<string, Found | undefined> {
    return this.local.memento.get(rememberedKey, {});
  }

  /** Only what is there still. */
  private async remember(paths: ReadonlySet<string>): Promise<void> {
    const all: Record<string, Found> = {};
    for (const [path, { found }] of this.finding) {
      const told = await found.catch(() => undefined);
      if (told && paths.has(path)) all[path] = told;
    }
    if (!isDeepStrictEqual(all, this.remembered)) await this.local.memento.update(rememberedKey, all);
  }

  private async find(path: string, key: string, bytes: number): Promise<Found> {
    const { plan, inspect, contextTokens: chosen, ramCapBytes } = this.local;
    const usual = await plan({ modelPath: path });
    if (!usual.fits) return { key };
    const wanted = Math.min(agentContextTokens, usual.maximumContext);
    const longer =
      chosen() === undefined && wanted > usual.contextTokens
        ? await plan({ modelPath: path, contextTokens: wanted })
        : undefined;
    const { contextTokens, estimatedTokensPerSecond } = longer?.fits ? longer : usual;
    const { name, toolsRefusal = tooShort(contextTokens) } = await inspect(path);
    const id = basename(path).replace(/\.gguf$/i, "");
    const speed =
      estimatedTokensPerSecond === undefined
        ? ""
        : l10n.t(", about {0} tokens/s", integer(Math.ceil(estimatedTokensPerSecond)));
    const told = {
      ...{ id, name: name ?? id, contextTokens },
      detail: l10n.t("{0} in {1}{2}", memorySize(bytes), memorySize(ramCapBytes()), speed),
      ...(toolsRefusal === undefined ? {} : { toolsRefusal }),
    };
    return { key, told, ...(longer?.fits ? { contextTokens } : {}) };
  }
}

/** Why a context is no good for agents, in a sentence. */
function tooShort(contextTokens: number): string | undefined {
  if (contextTokens >= leastForAgents) return undefined;
  return l10n.t(
    "VS Code's agent takes a context of {0} tokens or more, and this one has {1}. A higher RAM cap or flint.contextSize helps, where the model was trained for it.",
    integer(leastForAgents),
    integer(contextTokens),
  );
}
