/** Starting and stopping the server, with what a person is told of it. */
import * as vscode from "vscode";
import { readServerPort } from "../config/read.js";
import type { FlintContext } from "./context.js";

/** @returns the address; undefined where it could not start */
export async function startServer({ server, output }: FlintContext): Promise<string | undefined> {
  const port = readServerPort();
  let address: string;
  try {
    address = await server.start(port);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    output.error(`server: ${reason}`);
    void vscode.window.showErrorMessage(
      vscode.l10n.t("The server could not start on port {0} of this machine: {1}.", port, reason),
    );
    return undefined;
  }
  const copy = vscode.l10n.t("Copy Address");
  const stop = vscode.l10n.t("Stop Server");
  const message = vscode.l10n.t(
    "Other programs of this machine can use Flint's models at {0} until this window closes.",
    address,
  );
  void vscode.window.showInformationMessage(message, copy, stop).then((chosen) => {
    if (chosen === copy) return vscode.env.clipboard.writeText(address);
    if (chosen === stop && server.address === address) server.stop();
    return undefined;
  });
  return address;
}

export async function copyServerAddress({ server }: FlintContext): Promise<void> {
  if (server.address !== undefined) await vscode.env.clipboard.writeText(server.address);
}
