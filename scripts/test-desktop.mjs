// npm run test:desktop: runs the suite of test/host in VS Code for the desktop, with the package installed in it.
import path from "node:path";
import { run } from "./process.mjs";
import { root } from "./root.mjs";
import { starterModel } from "./starter-model.mjs";
import { runMain, Steps } from "./steps.mjs";
import { vscodeDesktop } from "./vscode-desktop.mjs";
import { packageExtension, packageSteps } from "./vsix.mjs";

await runMain(async () => {
  // Before anything that takes long: where it can't be had there is nothing else to do.
  await vscodeDesktop();
  const steps = new Steps(packageSteps + 2);
  await packageExtension(steps);
  await steps.run("Fetching the starter model", async ({ giveLine }) => {
    await starterModel({ onFetch: giveLine });
  });
  const vitest = path.join(root, "node_modules/vitest/vitest.mjs");
  await steps.run("Running the tests", () =>
    run(process.execPath, [vitest, "run", "--project", "desktop"], { cwd: root, show: true }),
  );
});
