/** A workbench whose answers are scripted by the questions: see scriptedSidecar.ts. */
import path from "node:path";
import { build } from "esbuild";
import { inCheckout } from "./flint.js";
import { startWorkbench, type Workbench, type WorkbenchOptions } from "./workbench.js";

/** As `startWorkbench`; a model is chosen. */
export async function startScriptedWorkbench(options: Partial<WorkbenchOptions> = {}): Promise<Workbench> {
  const workbench = await startWorkbench({
    ...options,
    settings: { "flint.model": "/models/scripted.gguf", ...options.settings },
  });
  await build({
    entryPoints: [inCheckout("test/support/scriptedSidecar.ts")],
    outfile: path.join(workbench.extensionFolder, "dist/sidecar.js"),
    bundle: true,
    platform: "node",
    format: "esm",
    // CommonJS libraries inside an ES module need a require of their own.
    banner: {
      js: 'import { createRequire } from "node:module"; const require = createRequire(import.meta.url);',
    },
  });
  return workbench;
}
