/** Models of other machines in the pickers, and their keys. */
import * as vscode from "vscode";
import { formatReference, type RemoteReference } from "../backends/remote/reference.js";
import type { RemoteBackends, RemoteChoice } from "../backends/remote/remoteBackends.js";
import { readBackends } from "../config/read.js";
import { integer } from "../numbers.js";

const keyOf = (name: string) => `flint.backend.${name}`;

export class RemoteModels {
  constructor(
    private readonly secrets: vscode.SecretStorage,
    private readonly backends: RemoteBackends,
  ) {}

  /** Those that answer, and a row for each that does not. @param used the one that is in use, if it is one of them */
  async items(
    used: RemoteReference | undefined,
    use: (value: string) => Promise<void>,
  ): Promise<(vscode.QuickPickItem & { run?(): Promise<unknown> })[]> {
    const usedValue = used && formatReference(used);
    const failures: string[] = [];
    const choices = await this.list((message) => failures.push(message));
    const rows = choices.map(({ reference, host, contextTokens }) => ({
      label: `$(remote) ${reference.model}`,
      description: [
        host,
        ...(contextTokens === undefined ? [] : [vscode.l10n.t("{0} tokens", integer(contextTokens))]),
        ...(formatReference(reference) === usedValue ? [vscode.l10n.t("in use")] : []),
      ].join(" · "),
      run: () => use(formatReference(reference)),
    }));
    const failed = failures.map((message) => ({ label: `$(warning) ${message}`, run: async () => this.setKey() }));
    if (rows.length + failed.length === 0) return [];
    const heading = { label: vscode.l10n.t("Other machines"), kind: vscode.QuickPickItemKind.Separator };
    return [heading, ...rows, ...failed];
  }

  /** All that answer. @throws InvalidSetting */
  list(onError: (message: string) => void): Promise<RemoteChoice[]> {
    return this.backends.list(AbortSignal.timeout(10_000), onError);
  }

  /** Asks for the key of a backend; an empty one removes it. */
  async setKey(): Promise<void> {
    const backends = readBackends();
    if (backends.length === 0) {
      const open = vscode.l10n.t("Open the setting");
      const message = vscode.l10n.t("No other machine is set: name one in flint.backends.");
      if ((await vscode.window.showInformationMessage(message, open)) === open) {
        await vscode.commands.executeCommand("workbench.action.openSettings", "flint.backends");
      }
      return;
    }
    const items = backends.map(({ name, host }) => ({ label: name, description: host }));
    const title = vscode.l10n.t("Set Backend Key");
    const picked = items.length === 1 ? items[0] : await vscode.window.showQuickPick(items, { title });
    if (!picked) return;
    const prompt = vscode.l10n.t("The key that {0} wants. Leave it empty to remove it.", picked.description);
    const key = await vscode.window.showInputBox({ title, prompt, password: true, ignoreFocusOut: true });
    if (key === undefined) return;
    if (key.trim() === "") await this.secrets.delete(keyOf(picked.label));
    else await this.secrets.store(keyOf(picked.label), key.trim());
    this.backends.forget();
  }
}

/** The key of a backend, where one was set. */
export const backendKey = async (secrets: vscode.SecretStorage, name: string): Promise<string | undefined> =>
  secrets.get(keyOf(name));
