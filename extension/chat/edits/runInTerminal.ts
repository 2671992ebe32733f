import * as vscode from "vscode";
import { asOneLine } from "./terminalLine.js";

/** How long a new terminal's shell may take to begin, in ms: what comes earlier is shown twice. Some shells never tell. */
const longestStartMs = 3000;

/** Puts commands into the terminal, without running them: Enter is the person's to press. */
export async function runInTerminal(code: string): Promise<void> {
  const line = asOneLine(code);
  const terminal = vscode.window.activeTerminal ?? (await startedTerminal());
  terminal.show();
  if (line !== undefined) {
    terminal.sendText(line, false);
    return;
  }
  await vscode.env.clipboard.writeText(code);
  void vscode.window.showInformationMessage(
    vscode.l10n.t(
      "These are several lines, which a terminal would run at once. They are in the clipboard for you to paste.",
    ),
  );
}

/** A new terminal whose shell waits for commands. */
async function startedTerminal(): Promise<vscode.Terminal> {
  const terminal = vscode.window.createTerminal();
  terminal.show();
  await new Promise<void>((resolve) => {
    const timer = setTimeout(end, longestStartMs);
    const subscription = vscode.window.onDidChangeTerminalShellIntegration((event) => {
      if (event.terminal === terminal) end();
    });
    function end(): void {
      clearTimeout(timer);
      subscription.dispose();
      resolve();
    }
  });
  return terminal;
}
