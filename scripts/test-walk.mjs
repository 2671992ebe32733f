// npm run test:walk: a person's day in VS Code with the larger starter model, and VS Code's own agent with it. Pictures are left in build/test/images.
import path from "node:path";
import { run } from "./process.mjs";
import { root } from "./root.mjs";
import { fetchModel, starters } from "./starter-model.mjs";
import { runMain, Steps } from "./steps.mjs";
import { packageExtension, packageSteps } from "./vsix.mjs";

await runMain(async () => {
  const steps = new Steps(packageSteps + 2);
  await packageExtension(steps);
  await steps.run("Fetching the starter models", async ({ giveLine }) => {
    for (const model of [starters.chat, starters.inline]) await fetchModel(model, { onFetch: giveLine });
  });
  const vitest = path.join(root, "node_modules/vitest/vitest.mjs");
  await steps.run("Running the tests", () =>
    run(process.execPath, [vitest, "run", "--project", "walk"], { cwd: root, show: true }),
  );
});
