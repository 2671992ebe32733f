// npm run cross [-- PLATFORM...]: compiles the engine, its tools and its native tests for other platforms with zig.
import { platforms, thisPlatform } from "../protocol/platforms.mjs";
import { installDependencies } from "./dependencies.mjs";
import { root } from "./root.mjs";
import { runMain, Steps } from "./steps.mjs";
import { llamaFor, targetNamed } from "./targets.mjs";
import { requireTools } from "./tools.mjs";
import { compileFor, zig } from "./zig.mjs";

await runMain(async () => {
  const named = process.argv.slice(2);
  const others = Object.keys(platforms).filter((name) => name !== thisPlatform);
  const targets = (named.length > 0 ? named : others).map(targetNamed);
  const steps = new Steps(3 + targets.length);
  await steps.run("Checking the tools", requireTools);
  await steps.run("Installing the dependencies", () => installDependencies(root));
  const compiler = await steps.run("Fetching zig", zig);
  for (const target of targets) {
    await steps.run(`Compiling for ${target}`, async ({ note }) => {
      const llama = await llamaFor(target);
      note(`against llama.cpp of node-llama-cpp ${llama.version}`);
      await compileFor(target, llama, compiler, { tests: true });
    });
  }
});
