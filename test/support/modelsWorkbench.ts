/** A workbench that downloads from a Hub of its own, and the parts of the window that tell of models. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import type { Locator } from "playwright-core";
import { ChatPanel } from "./chatPanel.js";
import { type HubServer, startHubServer } from "./hubServer.js";
import { startWorkbench, type Workbench } from "./workbench.js";

export interface ModelsWorkbench extends Workbench {
  readonly hub: HubServer;
  readonly panel: ChatPanel;
  /** Where downloads are kept; not there before the first one. */
  readonly modelsFolder: string;
  /** A row of the open list, once it is the one with this title. */
  row(title: string, text: string | RegExp): Locator;
  /** Takes that row with Enter, once it is the marked one. */
  enter(title: string, text: string | RegExp): Promise<void>;
  notification(text: string | RegExp): Locator;
  /** A row of the Models view, by all that it tells. */
  model(text: string | RegExp): Locator;
}

/**
 * Starts both and opens the window.
 * @param files of the Hub's one repository, `owner/model`, by path
 * @param token that the environment has for the Hub
 */
export async function startModelsWorkbench(
  ramCap: string,
  files: Record<string, Buffer>,
  token = "secret",
): Promise<ModelsWorkbench> {
  const home = await mkdtemp(path.join(tmpdir(), "flint-models-"));
  const hub = await startHubServer(files);
  const closeHub = async () => {
    await hub.close();
    await rm(home, { recursive: true, force: true });
  };
  try {
    const modelsFolder = path.join(home, "models");
    // Models of this machine's other programs are not looked for.
    const elsewhere = path.join(home, "none");
    const workbench = await startWorkbench({
      settings: { "flint.ramCap": ramCap, "flint.modelsFolder": modelsFolder },
      env: {
        HF_ENDPOINT: hub.endpoint,
        HF_TOKEN: token,
        HF_HOME: elsewhere,
        ...{ LLAMA_CACHE: elsewhere, OLLAMA_MODELS: elsewhere, HF_HUB_CACHE: elsewhere, XDG_DATA_HOME: elsewhere },
      },
    });
    const { page } = workbench;
    await page.goto(workbench.address());
    const list = (title: string) =>
      page.locator(".quick-input-widget", { has: page.locator(".quick-input-title", { hasText: title }) });
    const row = (title: string, text: string | RegExp) =>
      list(title).locator(".monaco-list-row").filter({ hasText: text }).first();
    const view = page.locator(".pane", { hasText: "Models" });
    return {
      ...workbench,
      ...{ hub, modelsFolder, panel: new ChatPanel(page) },
      row,
      enter: async (title, text) => {
        await row(title, text).and(page.locator(".focused")).waitFor();
        await list(title).locator("input").press("Enter");
      },
      notification: (text) => page.locator(".notification-list-item", { hasText: text }).last(),
      model: (name) => view.getByRole("treeitem", { name }),
      close: async () => {
        await workbench.close();
        await closeHub();
      },
    };
  } catch (error) {
    await closeHub();
    throw error;
  }
}
