/** Counts suggestions. Kept on this machine and sent nowhere. */
import * as vscode from "vscode";
import { integer } from "../numbers.js";
import type { Taken } from "./acceptance.js";

const key = "flint.inline.statistics";

export interface Counts {
  shown: number;
  /** All of them or a part. */
  accepted: number;
  /** That were accepted and so not typed. */
  characters: number;
  /** When counting began, as an ISO date. */
  since: string;
}

export class Statistics {
  constructor(private readonly state: vscode.Memento) {}

  get counts(): Counts {
    const kept = this.state.get<Partial<Counts>>(key, {});
    const count = (value: unknown) =>
      typeof value === "number" && Number.isSafeInteger(value) && value > 0 ? value : 0;
    return {
      shown: count(kept.shown),
      accepted: count(kept.accepted),
      characters: count(kept.characters),
      since: typeof kept.since === "string" ? kept.since : new Date().toISOString(),
    };
  }

  shown(): void {
    const { counts } = this;
    void this.state.update(key, { ...counts, shown: counts.shown + 1 });
  }

  accepted({ characters, first }: Taken): void {
    const { counts } = this;
    const accepted = counts.accepted + (first ? 1 : 0);
    void this.state.update(key, { ...counts, accepted, characters: counts.characters + characters });
  }

  /** Shows them, and offers to begin anew. */
  async show(): Promise<void> {
    const { shown, accepted, characters, since } = this.counts;
    const share = shown === 0 ? 0 : Math.round((100 * accepted) / shown);
    const message = vscode.l10n.t(
      "Inline suggestions since {0}: {1} shown, {2} accepted ({3}%), {4} characters not typed. Counted on this machine only.",
      new Date(since).toLocaleDateString(vscode.env.language),
      integer(shown),
      integer(accepted),
      share,
      integer(characters),
    );
    const reset = vscode.l10n.t("Reset");
    if ((await vscode.window.showInformationMessage(message, reset)) === reset) await this.state.update(key, undefined);
  }
}
