// npm run package: builds the VSIX for this platform. With -- --target PLATFORM, for release and for any platform.
import path from "node:path";
import { parseArgs } from "node:util";
import { runMain, Steps } from "./steps.mjs";
import { targetNamed } from "./targets.mjs";
import { packageExtension, packageFor, packageSteps } from "./vsix.mjs";

await runMain(async () => {
  const { target } = parseArgs({ options: { target: { type: "string" } } }).values;
  const steps = new Steps(packageSteps);
  const vsix = await (target === undefined ? packageExtension(steps) : packageFor(steps, targetNamed(target)));
  console.log(`Install it with: code --install-extension ${path.relative(process.cwd(), vsix)}`);
});
