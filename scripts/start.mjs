// npm start: builds Flint, lets its starter model answer one question, and opens a VS Code with all of it in place.
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import path from "node:path";
import { parseArgs } from "node:util";
import { root } from "./build.mjs";
import { run } from "./process.mjs";
import { starterModel } from "./starter-model.mjs";
import { runMain, Steps } from "./steps.mjs";
import { prepareProfile, startServer, vscodeServer } from "./vscode-server.mjs";
import { build, buildSteps, packageExtension, packageSteps } from "./vsix.mjs";

const ramCap = "768MiB";
const firstQuestion = "Write a Python function that adds two numbers. Use a code block.";
// The starter model does not always find an end by itself.
const longestAnswer = 160;
// A page keeps what it remembers by its address, so the port should be the same every time.
const ports = "7707-7799";

/** @param {Steps} steps of which one is taken */
function fetchModel(steps) {
  return steps.run("Fetching the starter model (TinyLlama 1.1B, 323 MB)", async ({ progress, note }) => {
    let fetched = false;
    const onProgress = await progress();
    const model = await starterModel({
      onProgress: (done, total) => {
        fetched = true;
        onProgress(done, total);
      },
    });
    if (!fetched) note("there already");
    return model;
  });
}

/**
 * Lets the model answer on the terminal.
 * @param {Steps} steps of which one is taken
 * @param {string} model
 * @param {string} question
 */
async function ask(steps, model, question) {
  await steps.run(`Asking the model within ${ramCap}`, async () => {
    process.stdout.write(`\n\n> ${question}\n\n`);
    const flags = ["--chat", "--prompt", question, "--ram-cap", ramCap, "--tokens", String(longestAnswer)];
    await run(process.execPath, [path.join(root, "dist/flint.js"), "run", model, ...flags], { show: true });
    process.stdout.write("\n");
  });
}

/** @param {string} question */
async function askOnly(question) {
  const steps = new Steps(buildSteps + 2);
  await build(steps);
  await ask(steps, await fetchModel(steps), question);
}

async function start() {
  const steps = new Steps(packageSteps + 4);
  const vsix = await packageExtension(steps);
  const model = await fetchModel(steps);
  const program = await steps.run("Fetching VS Code (150 MB the first time)", vscodeServer);
  const profile = {
    folder: path.join(root, "build/start"),
    settings: { "flint.model": model, "flint.ramCap": ramCap },
  };
  await steps.run("Installing Flint into it", () => prepareProfile(program, profile, vsix));
  await ask(steps, model, firstQuestion);
  const token = randomBytes(16).toString("hex");
  const server = await startServer(program, profile, { ports, token });
  const query = new URLSearchParams({ tkn: token, folder: root });
  console.log(
    `\nFlint is ready. Open this address and click the Flint icon on the left:\n\n  ${server.address}/?${query}\n`,
  );
  console.log("Ctrl+C ends it.");
  const signal = await Promise.race([
    once(process, "SIGINT").then(() => "interrupted"),
    once(process, "SIGTERM").then(() => "interrupted"),
    once(process, "SIGHUP").then(() => "interrupted"),
    server.ended.then(() => "ended"),
  ]);
  if (signal === "ended") throw new Error("The VS Code server ended by itself.");
  await server.stop();
}

await runMain(async () => {
  const { values } = parseArgs({ options: { ask: { type: "string" } } });
  await (values.ask === undefined ? start() : askOnly(values.ask));
});
