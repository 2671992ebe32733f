/** The user's token for the Hugging Face Hub: asked for, tried, kept in VS Code's secret storage, removed. */
import * as vscode from "vscode";

const key = "flint.huggingFaceToken";

export class HubToken {
  /** @param isKnown whether the Hub knows a token */
  constructor(
    private readonly secrets: vscode.SecretStorage,
    private readonly isKnown: (token: string, signal: AbortSignal) => Promise<boolean>,
  ) {}

  async get(): Promise<string | undefined> {
    return this.secrets.get(key);
  }

  /** Asks until the Hub accepts a token, or the person closes the box. @returns whether it accepted one */
  async ask(): Promise<boolean> {
    const kept = (await this.get()) !== undefined;
    const input = vscode.window.createInputBox();
    Object.assign(input, {
      title: vscode.l10n.t("Hugging Face token"),
      placeholder: "hf_…",
      password: true,
      ignoreFocusOut: true,
    });
    input.prompt = vscode.l10n.t(
      "Flint keeps it in VS Code's secret storage and sends it only to the Hub.{0}",
      kept ? vscode.l10n.t(" Leave it empty to remove the saved token.") : "",
    );
    const closed = new AbortController();
    return new Promise((resolve) => {
      const end = (given: boolean) => {
        resolve(given);
        input.hide();
      };
      const accept = async () => {
        const token = input.value.trim();
        if (token === "") {
          await this.remove(kept);
          return end(false);
        }
        input.busy = true;
        // Where the Hub can't be asked, that shows when the token is used.
        const known = await this.isKnown(token, closed.signal).catch(() => true);
        input.busy = false;
        if (closed.signal.aborted || input.value.trim() !== token) return;
        if (known) {
          await this.secrets.store(key, token);
          return end(true);
        }
        input.validationMessage = vscode.l10n.t(
          "The Hub rejected this token. Copy it again, or create another on the Hub under Settings > Access Tokens.",
        );
      };
      input.onDidChangeValue(() => {
        input.validationMessage = undefined;
      });
      input.onDidAccept(() => void accept());
      input.onDidHide(() => {
        closed.abort();
        resolve(false);
        input.dispose();
      });
      input.show();
    });
  }

  private async remove(kept: boolean): Promise<void> {
    await this.secrets.delete(key);
    if (kept) void vscode.window.showInformationMessage(vscode.l10n.t("The Hugging Face token was removed."));
  }
}
