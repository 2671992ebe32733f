import { it } from "mocha";
import * as vscode from "vscode";
import type { FlintApi } from "../../../extension/api.js";

/** A test that asks Linux about processes, and is skipped elsewhere. */
export const onLinux = process.platform === "linux" ? it : it.skip;

/** The installed extension, active. */
export async function activateFlint(): Promise<FlintApi> {
  const extension = vscode.extensions.getExtension<FlintApi>("flint.flint");
  if (!extension) throw new Error("Flint is not installed.");
  return extension.activate();
}

/** Resolves when the engine is in a state that `wanted` accepts; at once when it is already. */
export async function untilState({ engine }: FlintApi, wanted: (state: string) => boolean): Promise<void> {
  if (wanted(engine.state())) return;
  await new Promise<void>((resolve) => {
    const subscription = engine.onDidChangeState((state) => {
      if (!wanted(state)) return;
      subscription.dispose();
      resolve();
    });
  });
}

/** Sets one of Flint's settings; undefined takes it back. */
export async function setSetting(
  name: "model" | "inlineModel" | "ramCap" | "contextSize",
  value: unknown,
): Promise<void> {
  await vscode.workspace.getConfiguration("flint").update(name, value, vscode.ConfigurationTarget.Workspace);
}
