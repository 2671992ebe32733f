import * as vscode from "vscode";
import { freeBytes } from "../../models/disk.js";
import { neededBytes } from "../../models/download.js";
import type { ModelRecord } from "../../models/record.js";
import type { Candidate, ResolvedReference } from "../../models/sources/resolved.js";
import type { Forecast } from "./fit.js";
import { type Step, type StepItem, showStep } from "./steps.js";
import { conversionCost, conversionHelps, fitText, roomText } from "./text.js";

export interface DownloadConfirmation {
  found: ResolvedReference;
  candidate: Candidate;
  folder: string;
  ramCapBytes: number;
  /** Starts the download. */
  start(record: ModelRecord): void;
  /** @throws what `signal` says when it is aborted, and what is wrong with the file */
  forecast(signal: AbortSignal): Promise<Forecast>;
  /** Asks for a token, where one is needed. */
  token: StepItem;
  log(line: string): void;
}

function useFor({ role }: ModelRecord): string {
  return role === "inline"
    ? vscode.l10n.t(" for inline suggestions")
    : role === "draft"
      ? vscode.l10n.t(" as draft model")
      : "";
}

/** The last step: what will happen, with a way to the licence. What the forecast tells is filled in. */
export function confirmDownload(options: DownloadConfirmation): Step {
  const { found, candidate, folder, ramCapBytes } = options;
  return async () => {
    const { record, bytes } = candidate;
    const { licence, page, gated } = found;
    const free = await freeBytes(folder).catch(() => undefined);
    const needed = neededBytes(record);
    const go =
      (more: Pick<ModelRecord, "thenUse" | "thenConvert">): Step =>
      async () => {
        options.start({ ...record, ...more });
        return undefined;
      };
    const use: StepItem = {
      id: "use",
      label: vscode.l10n.t("$(cloud-download) Download and use{0}", useFor(record)),
      detail: roomText({ bytes, needed, free, folder }),
      next: go({ thenUse: true }),
    };
    const only: StepItem = { id: "only", label: vscode.l10n.t("$(cloud-download) Download only"), next: go({}) };
    // Nothing in Flint uses models of next edits yet.
    const items: StepItem[] = record.role === "nextEdit" ? [only] : [use, only];
    if (gated) items.push(options.token);
    if (page !== undefined) {
      const act = () => vscode.env.openExternal(vscode.Uri.parse(page));
      items.push({ id: "page", label: vscode.l10n.t("$(link-external) Read about the model and its licence"), act });
    }
    const withForecast = ({ plan, conversion, inlineRefusal }: Forecast): StepItem[] => {
      const label = `${use.label} · ${fitText(plan, ramCapBytes)}`;
      const detail = inlineRefusal?.reason ?? use.detail;
      const known = items.map((item) => (item === use ? { ...use, label, ...(detail && { detail }) } : item));
      if (!conversion) return known;
      const helps = conversionHelps(plan);
      const thenConvert = conversion.modelBytes + conversion.storeBytes;
      const both = { bytes: (bytes ?? 0) + thenConvert, needed: needed + thenConvert };
      const convert: StepItem = {
        id: "convert",
        label: vscode.l10n.t("$(zap) Download, convert and use"),
        description: helps
          ? vscode.l10n.t("reads only active neurons from disk")
          : vscode.l10n.t("fits in memory already: it would not be faster"),
        detail: vscode.l10n.t(
          "{0}. Conversion needs {1}",
          roomText({ ...both, free, folder }),
          conversionCost(conversion),
        ),
        next: go({ thenUse: true, thenConvert }),
      };
      return helps ? [convert, ...known] : [...known, convert];
    };
    return showStep({
      title: vscode.l10n.t("{0} · licence: {1}", candidate.name, licence ?? vscode.l10n.t("unknown")),
      placeholder: gated
        ? vscode.l10n.t("Accept its licence on the Hub, and set a token")
        : vscode.l10n.t("Choose what to do after the download"),
      items,
      canGoBack: true,
      fill: (list, signal) => {
        options.forecast(signal).then(
          (forecast) => list.show(withForecast(forecast)),
          (error: unknown) => {
            if (!signal.aborted) options.log(`plan of ${candidate.name}: ${String(error)}`);
          },
        );
      },
    });
  };
}
