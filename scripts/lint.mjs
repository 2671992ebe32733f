// npm run lint: all checks of the sources, without building anything.
import { checks, runChecks } from "./checks.mjs";
import { runMain, Steps } from "./steps.mjs";

await runMain(async () => {
  if ((await runChecks(new Steps(checks.length))) > 0) process.exitCode = 1;
});
