import * as vscode from "vscode";
import { fetchableKinds, fetchGpuLibraries } from "../../models/gpu/libraries.js";
import type { GpuKind } from "../../protocol/gpu.js";
import { withNotification } from "../models/progressNotification.js";
import type { FlintContext } from "./context.js";

/** What is fetched, in MB. */
const megabytes: Readonly<Record<GpuKind, number>> = { vulkan: 24, cuda: 320 };

/** Fetches llama.cpp's libraries for a GPU, and restarts the engine with them. */
export async function downloadGpuLibraries({ engine, extensionPath }: FlintContext): Promise<void> {
  const kinds = await fetchableKinds(extensionPath);
  if (kinds.length === 0) {
    void vscode.window.showInformationMessage(vscode.l10n.t("There are no GPU libraries for this platform yet."));
    return;
  }
  const texts: Readonly<Record<GpuKind, { label: string; description: string }>> = {
    vulkan: { label: vscode.l10n.t("Vulkan"), description: vscode.l10n.t("for GPUs from any vendor") },
    cuda: {
      label: vscode.l10n.t("CUDA"),
      description: vscode.l10n.t("for NVIDIA GPUs with a driver for CUDA 12 or newer"),
    },
  };
  const items = kinds.map((kind) => ({
    ...{ libraries: kind, ...texts[kind] },
    detail: vscode.l10n.t("{0} MB to download", megabytes[kind]),
  }));
  const title = vscode.l10n.t("Download GPU libraries");
  const chosen = await vscode.window.showQuickPick(items, { title });
  if (!chosen) return;
  const fetched = await withNotification(title, (report, signal) =>
    fetchGpuLibraries(chosen.libraries, extensionPath, {
      signal,
      onProgress: (bytes) => report.report({ message: vscode.l10n.t("{0} MB", Math.round(bytes / 1e6)) }),
    }),
  );
  if (fetched) engine.restart();
}
