import { basename } from "node:path";
import * as vscode from "vscode";
import { costInWords, predictionCost } from "../../engine-native/download/conversion.js";
import type { EngineSettings } from "../engine/state.js";
import { readModelPaths, updateModelPaths } from "./settings.js";

const setting = "predictedModels";

/** Lets the person choose which neurons of the model in use are computed, and says what that costs before it is chosen. */
export async function chooseNeurons(settings: EngineSettings | undefined): Promise<void> {
  if (!settings) {
    void vscode.window.showInformationMessage("Choose a model first.");
    return;
  }
  const { modelPath, sparsity } = settings;
  const name = basename(modelPath);
  const cost = await predictionCost(modelPath);
  if (cost === undefined && sparsity === undefined) {
    const told = `${name} is not converted, so that all of its neurons are computed. The list of models offers to convert those that gain from it.`;
    void vscode.window.showInformationMessage(told);
    return;
  }
  const inUse = (predicted: boolean) => (predicted === (sparsity === "predict") ? "$(check) in use, " : "");
  const items: (vscode.QuickPickItem & { predicted: boolean })[] = [
    {
      label: "All that are not zero",
      description: `${inUse(false)}says what the source says`,
      detail: "Exact: the matrices that tell which they are have to be in memory, or are read for each token.",
      predicted: false,
    },
    {
      label: "Predicted ones only",
      description: `${inUse(true)}${cost === undefined ? "cost not known: convert it again" : costInWords(cost)}`,
      detail: "Reads least and is fastest; the cost is what was measured on text when the model was converted.",
      predicted: true,
    },
  ];
  const picked = await vscode.window.showQuickPick(items, { title: `Neurons of ${name}` });
  if (!picked || picked.predicted === (sparsity === "predict")) return;
  const others = readModelPaths(setting).filter((path) => path !== modelPath);
  await updateModelPaths(setting, picked.predicted ? [...others, modelPath] : others);
}
