/** "Download & Convert Model…": from a wish to a download, with size, fit and speed known before the first byte. */
import * as vscode from "vscode";
import { type CatalogModel, catalog } from "../../engine-native/download/catalog.js";
import { freeBytes } from "../../engine-native/download/disk.js";
import { neededBytes } from "../../engine-native/download/download.js";
import { DownloadError } from "../../engine-native/download/errors.js";
import type { ModelRecord } from "../../engine-native/download/record.js";
import { isReference, parseReference, type Reference } from "../../engine-native/download/reference.js";
import type { Candidate, Found, Sources } from "../../engine-native/download/source.js";
import type { Plan } from "../../engine-native/protocol.js";
import { formatSize } from "../../engine-native/size.js";
import { Fit, type Forecast, type Planners } from "./fit.js";
import { pick, type Step, type StepItem, type StepList, separator, walk } from "./steps.js";
import { conversionCost, conversionHelps, fitText, roomText } from "./text.js";

export interface FlowContext {
  sources(): Promise<Sources>;
  planners: Planners;
  ramCapBytes: number;
  folder: string;
  /** Starts a download; the flow is over. */
  start(record: ModelRecord): void;
  /** Makes a file of this machine the model. */
  use(path: string): Promise<void>;
  chooseFile(): Promise<void>;
  /** Asks for a token; true when one was given. */
  askToken(): Promise<boolean>;
  log(line: string): void;
}

const title = "Download Model";
const roles = { chat: "chat", inline: "suggestions", both: "chat and suggestions" } as const;

export async function downloadFlow(context: FlowContext): Promise<void> {
  await walk(new Flow(context, await context.sources()).choose);
}

/** Whatever is expected to go wrong, in words; everything else is a mistake of ours. */
function reason(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** It takes a token, or another one, to get it. */
function isGated(error: unknown): boolean {
  return error instanceof DownloadError && error.kind === "gated";
}

class Flow {
  private fit: Fit;

  constructor(
    private readonly context: FlowContext,
    private sources: Sources,
  ) {
    this.fit = this.newFit();
  }

  /** The first step: recommended models, or any other by name. */
  readonly choose: Step = () => {
    const { ramCapBytes } = this.context;
    const file: StepItem = {
      id: "file",
      label: "$(file) A file on this machine…",
      next: async () => {
        await this.context.chooseFile();
        return undefined;
      },
    };
    const more = [
      separator("All others"),
      { id: "search", label: "$(search) Search the Hugging Face Hub…", next: this.search("") },
      file,
    ];
    const known = catalog.map((model) => ({ model, item: this.catalogItem(model), rank: 1 }));
    const shown = () => {
      const ranked = [...known].sort((one, other) => one.rank - other.rank);
      return [separator("Recommended"), ...ranked.map(({ item }) => item), ...more];
    };
    let typed = "";
    return pick({
      title: `${title} · RAM cap ${formatSize(ramCapBytes)}`,
      placeholder: "Pick one, or type owner/repo:Q4_K_M, an address, npm:…",
      items: shown(),
      canGoBack: false,
      fill: (list, signal) => {
        const renew = () => {
          if (typed === "") list.show(shown());
        };
        void this.fillFits(
          known,
          async (entry) => this.sources.findInCatalog(entry.model, signal),
          (entry, text, plan) => {
            entry.item = { ...entry.item, description: text };
            entry.rank = plan instanceof Error ? 1 : plan.fits ? 0 : 2;
            renew();
          },
          list,
          signal,
        );
      },
      onType: (text, list) => {
        typed = text.trim();
        list.show(typed === "" ? shown() : [...this.typedItems(typed), ...shown()]);
      },
    });
  };

  private catalogItem(model: CatalogModel): StepItem {
    const { id, title, role, licence, about, source } = model;
    return {
      id,
      label: title,
      description: source.kind === "npm" ? formatSize(source.bytes) : source.quantization,
      detail: `${about} For ${roles[role]}. Licence: ${licence}.`,
      next: this.find(title, (signal) => this.sources.findInCatalog(model, signal)),
    };
  }

  /** What the text could mean. */
  private typedItems(text: string): StepItem[] {
    const items: StepItem[] = [];
    if (isReference(text, this.sources.hub.endpoint)) {
      const reference = parseReference(text, { hubUrl: this.sources.hub.endpoint, folder: this.context.folder });
      items.push({
        id: "reference",
        label: `$(arrow-right) ${text}`,
        alwaysShow: true,
        next: this.findReference(text, reference),
      });
    }
    items.push({
      id: "typed search",
      label: `$(search) Search the Hub for “${text}”`,
      alwaysShow: true,
      next: this.search(text),
    });
    return items;
  }

  private findReference(text: string, reference: Reference): Step {
    if (reference.kind !== "file") return this.find(text, (signal) => this.sources.find(reference, signal));
    return async () => {
      await this.context.use(reference.path);
      return undefined;
    };
  }

  private search(first: string): Step {
    return () => {
      let asked: AbortController | undefined;
      const ask = async (text: string, list: StepList) => {
        asked?.abort();
        const controller = new AbortController();
        asked = controller;
        if (text.trim() === "") return list.show([hint]);
        list.busy(true);
        try {
          // Not for each letter of a word that is being typed.
          await new Promise((resolve) => setTimeout(resolve, 300));
          if (controller.signal.aborted) return;
          const hits = await this.sources.hub.search(text.trim(), controller.signal);
          const items = hits.map(({ id, downloads, gated }) => ({
            id,
            label: id,
            description: `${downloads.toLocaleString("en")} downloads${gated ? " · asks for a token" : ""}`,
            alwaysShow: true,
            next: this.find(id, (signal) => this.sources.find({ kind: "hub", repository: id }, signal)),
          }));
          list.show(
            items.length > 0
              ? items
              : [{ id: "none", label: `The Hub has no GGUF model for “${text}”.`, alwaysShow: true }],
          );
          list.busy(false);
        } catch (error) {
          if (controller.signal.aborted) return;
          list.busy(false);
          list.show([
            { id: "failed", label: "$(error) The Hub could not be searched", detail: reason(error), alwaysShow: true },
          ]);
        }
      };
      const hint: StepItem = { id: "hint", label: "Type the name of a model, such as Qwen3 Coder.", alwaysShow: true };
      return pick({
        title: "Search the Hugging Face Hub",
        placeholder: "Name of a model",
        value: first,
        items: [hint],
        canGoBack: true,
        fill: (list, signal) => {
          signal.addEventListener("abort", () => asked?.abort());
          if (first !== "") void ask(first, list);
        },
        onType: (text, list) => void ask(text, list),
      });
    };
  }

  /** Asks what there is, then lets choose among several. */
  private find(name: string, find: (signal: AbortSignal) => Promise<Found>): Step {
    return () =>
      pick({
        title: name,
        placeholder: "The smaller, the quicker; the larger, the better. 4 bits (Q4) are a good start.",
        items: [{ id: "looking", label: "$(loading~spin) Looking what there is…" }],
        canGoBack: true,
        fill: (list, signal) => void this.showFound(find, list, signal),
      });
  }

  private async showFound(
    find: (signal: AbortSignal) => Promise<Found>,
    list: StepList,
    signal: AbortSignal,
  ): Promise<void> {
    list.busy(true);
    try {
      const found = await find(signal);
      const entries = found.candidates.map((candidate) => ({ candidate, item: this.candidateItem(found, candidate) }));
      let gated = false;
      const renew = () => list.show([...entries.map(({ item }) => item), ...(gated ? [this.tokenItem()] : [])]);
      renew();
      await this.fillFits(
        entries,
        async ({ candidate }) => ({ ...found, candidates: [candidate] }),
        (entry, text, plan) => {
          entry.item = { ...entry.item, detail: text };
          gated ||= isGated(plan);
          renew();
        },
        list,
        signal,
      );
    } catch (error) {
      if (signal.aborted) return;
      this.context.log(`looking for a model: ${String(error)}`);
      list.busy(false);
      const again: StepItem = { id: "again", label: "$(refresh) Try again", next: async () => "back" };
      list.show([
        { id: "failed", label: "$(error) That did not work", detail: reason(error), alwaysShow: true },
        ...(isGated(error) ? [this.tokenItem()] : []),
        again,
      ]);
    }
  }

  private candidateItem(found: Found, candidate: Candidate): StepItem {
    const { name, quantization, bytes } = candidate;
    return {
      id: name,
      label: quantization ?? name,
      description: [...(bytes === undefined ? [] : [formatSize(bytes)]), ...(quantization ? [name] : [])].join(" · "),
      detail: "$(loading~spin) Reading its header to tell whether it fits, and how fast…",
      next: this.confirm(found, candidate),
    };
  }

  private tokenItem(): StepItem {
    return {
      id: "token",
      label: "$(key) Give a Hugging Face token…",
      detail: "Kept in VS Code's secret storage. Made on the Hub under Settings, Access Tokens.",
      // Back at the step that needs it, which then asks with it.
      next: async () => {
        if (await this.context.askToken()) {
          this.sources = await this.context.sources();
          this.fit = this.newFit();
        }
        return "back";
      },
    };
  }

  private newFit(): Fit {
    return new Fit(this.sources, this.context.planners, this.context.folder);
  }

  /** The last step: what will happen, once more, with a way to the licence. */
  private confirm(found: Found, candidate: Candidate): Step {
    return async () => {
      const { folder, ramCapBytes } = this.context;
      const { record, bytes } = candidate;
      const { licence, page, gated } = found;
      const free = await freeBytes(folder).catch(() => undefined);
      const needed = neededBytes(record);
      const go =
        (more: Pick<ModelRecord, "thenUse" | "thenConvert">): Step =>
        async () => {
          this.context.start({ ...record, ...more });
          return undefined;
        };
      const use: StepItem = {
        id: "use",
        label: `$(cloud-download) Download and use${record.role === "inline" ? " for inline suggestions" : ""}`,
        detail: roomText({ bytes, needed, free, folder }),
        next: go({ thenUse: true }),
      };
      const items: StepItem[] = [use, { id: "only", label: "$(cloud-download) Download only", next: go({}) }];
      if (gated) items.push(this.tokenItem());
      if (page !== undefined) {
        const act = () => vscode.env.openExternal(vscode.Uri.parse(page));
        items.push({ id: "page", label: "$(link-external) Read about the model and its licence", act });
      }
      const told = ({ plan, conversion, inlineRefusal }: Forecast): StepItem[] => {
        const label = `${use.label} · ${fitText(plan, ramCapBytes)}`;
        const detail = inlineRefusal?.reason ?? use.detail;
        const known = items.map((item) => (item === use ? { ...use, label, ...(detail && { detail }) } : item));
        if (!conversion) return known;
        const helps = conversionHelps(plan);
        const thenConvert = conversion.modelBytes + conversion.storeBytes;
        const both = { bytes: (bytes ?? 0) + thenConvert, needed: needed + thenConvert };
        const convert: StepItem = {
          id: "convert",
          label: "$(zap) Download, convert and use",
          description: helps ? "only active neurons are read" : "fits as it is: it would not be faster",
          detail: `${roomText({ ...both, free, folder })}. Converting takes ${conversionCost(conversion)}`,
          next: go({ thenUse: true, thenConvert }),
        };
        return helps ? [convert, ...known] : [...known, convert];
      };
      return pick({
        title: `${candidate.name} · licence: ${licence ?? "not known"}`,
        placeholder: gated ? "Its owner asks for an accepted licence and a token" : "Runs as it is downloaded",
        items,
        canGoBack: true,
        fill: (list, signal) => {
          this.fit.of(candidate, signal).then(
            (forecast) => list.show(told(forecast)),
            (error: unknown) => {
              if (!signal.aborted) this.context.log(`plan of ${candidate.name}: ${String(error)}`);
            },
          );
        },
      });
    };
  }

  /** Plans entries, two at a time, and tells each as it is known. */
  private async fillFits<Entry>(
    entries: readonly Entry[],
    find: (entry: Entry) => Promise<Found>,
    tell: (entry: Entry, text: string, plan: Plan | Error) => void,
    list: StepList,
    signal: AbortSignal,
  ): Promise<void> {
    list.busy(true);
    const left = [...entries];
    const work = async () => {
      for (let entry = left.shift(); entry !== undefined && !signal.aborted; entry = left.shift()) {
        try {
          const [candidate] = (await find(entry)).candidates;
          if (!candidate) continue;
          const { plan } = await this.fit.of(candidate, signal);
          const size = candidate.bytes === undefined ? "" : `${formatSize(candidate.bytes)} · `;
          tell(entry, `${size}${fitText(plan, this.context.ramCapBytes)}`, plan);
        } catch (error) {
          if (signal.aborted) return;
          this.context.log(`fit: ${String(error)}`);
          tell(entry, `fit not known: ${reason(error)}`, error instanceof Error ? error : new Error(String(error)));
        }
      }
    };
    await Promise.all([work(), work()]);
    if (!signal.aborted) list.busy(false);
  }
}
