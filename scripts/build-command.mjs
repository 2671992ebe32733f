// npm run build: installs what is missing and builds Flint, without packaging it.
import { runMain, Steps } from "./steps.mjs";
import { build, buildSteps } from "./vsix.mjs";

await runMain(() => build(new Steps(buildSteps)));
