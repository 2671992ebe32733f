/** `npm run bench:chat`: asks a model what people ask, applies its code as the panel does, and runs it. */
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { parseArgs, promisify } from "node:util";
import MarkdownIt from "markdown-it";
import OpenAI from "openai";
import { applyBlock } from "../../../extension/chat/edits/apply/apply.js";
import { isAlike } from "../../../extension/chat/edits/apply/paths.js";
import { chatTemperature, withAttachments } from "../../../extension/chat/prompt/prompt.js";
import { systemPrompt } from "../../../extension/chat/prompt/systemPrompt.js";
import { parseFenceInfo } from "../../../webview/fence.js";
import { startServer } from "../../support/serve.js";
import { type Task, tasks } from "./tasks.js";

const usage = "usage: npm run bench:chat -- --model M [--ram-cap SIZE] [--samples N] [--system FILE] [--json]";
const mostTokens = 700;
/** What a model has written may loop. */
const programTimeoutMs = 10_000;

interface Outcome {
  task: string;
  seed: number;
  /** Why it is not right; absent where it is. */
  fault?: string;
  answer: string;
}

export async function main(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: {
      model: { type: "string" },
      "ram-cap": { type: "string", default: "4GiB" },
      samples: { type: "string", default: "1" },
      system: { type: "string" },
      json: { type: "boolean", default: false },
    },
  });
  if (values.model === undefined) throw new Error(usage);
  const system = values.system === undefined ? systemPrompt : await readFile(values.system, "utf8");
  const server = await startServer(values.model, "--ram-cap", values["ram-cap"]);
  try {
    const client = new OpenAI({ baseURL: `${server.url}/v1`, apiKey: "none", timeout: 600_000 });
    const outcomes: Outcome[] = [];
    for (const task of tasks) {
      for (let seed = 1; seed <= Number(values.samples); seed++) {
        const answer = await ask(client, { model: server.models[0] ?? "", system, seed }, task);
        const fault = await faultOf(task, answer);
        outcomes.push({ task: task.name, seed, ...(fault !== undefined && { fault }), answer });
        if (!values.json)
          console.log(`${fault === undefined ? "right" : "wrong"}  ${task.name}${fault ? `: ${fault}` : ""}`);
      }
    }
    const right = outcomes.filter(({ fault }) => fault === undefined).length;
    console.log(
      values.json ? JSON.stringify({ right, of: outcomes.length, outcomes }) : `${right} of ${outcomes.length} right`,
    );
  } finally {
    await server.stop();
  }
}

interface Asked {
  model: string;
  /** The system prompt. */
  system: string;
  seed: number;
}

async function ask(client: OpenAI, { model, system, seed }: Asked, { question, files }: Task): Promise<string> {
  const attachments = Object.entries(files).map(([name, text]) => ({
    ...{ label: name, name, path: name, firstLine: 1, text },
    language: name.endsWith(".py") ? "python" : "javascript",
  }));
  const { choices } = await client.chat.completions.create({
    model,
    seed,
    temperature: chatTemperature,
    max_completion_tokens: mostTokens,
    messages: [
      { role: "system", content: system },
      { role: "user", content: withAttachments(question, attachments) },
    ],
  });
  return choices[0]?.message.content ?? "";
}

async function faultOf({ check, files }: Task, answer: string): Promise<string | undefined> {
  const fences = new MarkdownIt()
    .parse(answer, {})
    .filter(({ type }) => type === "fence")
    .map(({ info, content }) => ({ ...parseFenceInfo(info), text: content }));
  const isCommand = (language: string) => /^(sh|bash|shell|console|zsh)$/.test(language);
  if ("says" in check) {
    if (!check.says.test(answer)) return "it does not say what matters";
    return fences.length > 2 ? "it is full of code" : undefined;
  }
  if ("command" in check) {
    // People see what it is without its language, too.
    const command = fences.find(({ language }) => language === "" || isCommand(language))?.text.trim();
    if (command === undefined) return "there is no block with a command";
    return check.command.test(command) ? undefined : `the command is ${command}`;
  }
  const code = fences.find(({ language }) => !isCommand(language));
  if (code === undefined) return "there is no code";
  const original = files[check.path];
  const elsewhere = code.path !== undefined && original !== undefined && !isAlike(code.path, check.path);
  if (elsewhere) return `the code is for ${code.path}`;
  if (original === undefined) return runIn({ ...files, [check.path]: code.text }, check);
  const applied = applyBlock({ path: check.path, original, block: code.text });
  if ("refused" in applied) return `apply refuses: ${applied.refused}`;
  return runIn({ ...files, [check.path]: applied.text }, check);
}

/** @returns what the program says when it fails */
async function runIn(
  files: Record<string, string>,
  check: { path: string; program: string },
): Promise<string | undefined> {
  const folder = await mkdtemp(path.join(tmpdir(), "flint-bench-chat-"));
  try {
    const [command, program] = check.path.endsWith(".py") ? ["python3", "check.py"] : [process.execPath, "check.cjs"];
    for (const [name, text] of Object.entries({ ...files, [program]: check.program })) {
      await writeFile(path.join(folder, name), text);
    }
    await promisify(execFile)(command, [program], { cwd: folder, timeout: programTimeoutMs });
    return undefined;
  } catch (error) {
    const said = error instanceof Error && "stderr" in error ? String(error.stderr).trim() : "";
    return `the program fails: ${said.split("\n").at(-1) || "no word"}`;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
