// npm start: builds Flint, lets its starter model answer one question, and opens a VS Code with all of it in place.
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import path from "node:path";
import { parseArgs } from "node:util";
import { run } from "./process.mjs";
import { root } from "./root.mjs";
import { fetchModel, recommended, starters } from "./starter-model.mjs";
import { runMain, Steps } from "./steps.mjs";
import { prepareProfile, startServer, vscodeServer } from "./vscode-server.mjs";
import { build, buildSteps, packageExtension, packageSteps } from "./vsix.mjs";

// The inline model needs 679 MiB of it and stays in memory; a third of the chat model's weights is read for each token.
const ramCap = "1792MiB";
// What that leaves for the chat model, which answers alone on the terminal.
const chatRamCap = "1113MiB";
const firstQuestion = "Write a Python function that tells whether a word is a palindrome. Answer with the code only.";
// Should a question be answered without an end.
const longestAnswer = 1024;
// A page keeps what it remembers by its address, so the port should be the same every time.
const ports = "7707-7799";

/**
 * @param {Steps} steps of which one is taken
 * @param {string} id
 */
function fetchStarter(steps, id) {
  const { title, bytes } = recommended(id);
  return steps.run(`Fetching ${title} (${Math.round(bytes / 1e6)} MB)`, async ({ giveLine, note }) => {
    let fetched = false;
    const model = await fetchModel(id, {
      onFetch: () => {
        fetched = true;
        giveLine();
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
  await steps.run(`Asking the model within ${chatRamCap}`, async () => {
    process.stdout.write(`\n\n> ${question}\n\n`);
    const flags = ["--chat", "--prompt", question, "--ram-cap", chatRamCap, "--tokens", String(longestAnswer)];
    await run(process.execPath, [path.join(root, "dist/flint.js"), "run", model, ...flags], { show: true });
    process.stdout.write("\n");
  });
}

/** @param {string} question */
async function askOnly(question) {
  const steps = new Steps(buildSteps + 2);
  await build(steps);
  await ask(steps, await fetchStarter(steps, starters.chat), question);
}

async function start() {
  const steps = new Steps(packageSteps + 5);
  const vsix = await packageExtension(steps);
  const model = await fetchStarter(steps, starters.chat);
  const inlineModel = await fetchStarter(steps, starters.inline);
  const program = await steps.run("Fetching VS Code (150 MB the first time)", vscodeServer);
  const profile = {
    folder: path.join(root, "build/start"),
    settings: { "flint.model": model, "flint.inlineModel": inlineModel, "flint.ramCap": ramCap },
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
