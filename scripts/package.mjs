// npm run package: builds the VSIX for this platform.
import path from "node:path";
import { runMain, Steps } from "./steps.mjs";
import { packageExtension, packageSteps } from "./vsix.mjs";

await runMain(async () => {
  const vsix = await packageExtension(new Steps(packageSteps));
  console.log(`Install it with: code --install-extension ${path.relative(process.cwd(), vsix)}`);
});
