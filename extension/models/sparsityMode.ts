import { basename } from "node:path";
import * as vscode from "vscode";
import { costInWords, predictionCost } from "../../models/library/conversion.js";
import { readModelPaths } from "../config/read.js";
import { updateModelPaths } from "../config/write.js";
import type { EngineSettings } from "../engine/state.js";
import { decimal } from "../numbers.js";

const setting = "predictedModels";

/** Lets the person choose which neurons of the chat model are computed, and says what that costs before it is chosen. */
export async function setSparsityMode(settings: EngineSettings | undefined): Promise<void> {
  if (!settings) {
    void vscode.window.showInformationMessage(vscode.l10n.t("Choose a chat model first."));
    return;
  }
  const { modelPath, sparsity } = settings;
  const name = basename(modelPath);
  const cost = await predictionCost(modelPath);
  if (cost === undefined && sparsity === undefined) {
    const told = vscode.l10n.t(
      "{0} is not converted, so it has no sparsity modes. If a model supports conversion, its menu in the Models view offers Convert Model…",
      name,
    );
    void vscode.window.showInformationMessage(told);
    return;
  }
  const inUse = (predicted: boolean) =>
    predicted === (sparsity === "predict") ? vscode.l10n.t("$(check) in use, ") : "";
  const items: (vscode.QuickPickItem & { predicted: boolean })[] = [
    {
      label: vscode.l10n.t("Exact"),
      description: vscode.l10n.t("{0}same output as the original", inUse(false)),
      detail: vscode.l10n.t(
        "Computes every neuron whose activation is not zero. The weights needed to find these neurons stay in memory, or are read for each token.",
      ),
      predicted: false,
    },
    {
      label: vscode.l10n.t("Predicted"),
      description: `${inUse(true)}${cost === undefined ? vscode.l10n.t("cost unknown: convert the model again") : costInWords(cost, (value) => decimal(value, 2))}`,
      detail: vscode.l10n.t(
        "Computes only the neurons that a predictor selects: reads the least and is fastest. The cost was measured during conversion.",
      ),
      predicted: true,
    },
  ];
  const picked = await vscode.window.showQuickPick(items, { title: vscode.l10n.t("Sparsity mode of {0}", name) });
  if (!picked || picked.predicted === (sparsity === "predict")) return;
  const others = readModelPaths(setting).filter((path) => path !== modelPath);
  await updateModelPaths(setting, picked.predicted ? [...others, modelPath] : others);
}
