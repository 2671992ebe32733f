/** `npm run bench:inline`: replays typing in a real extension host. */
import path from "node:path";
import { parseArgs } from "node:util";
import { benchBare } from "./bare.js";
import { benchEdits } from "./edits.js";
import { benchFaults } from "./faults.js";
import { replay } from "./replay.js";
import type { InlineResult } from "./result.js";
import { benchBesideServer } from "./server.js";
import { readSessions } from "./sessions.js";

const usage =
  "usage: npm run bench:inline -- --sessions FILE.jsonl --model M [--baseline naive|bare|server] [--chat-model M] [--ram-cap SIZE] [--minutes N] [--json]\n" +
  "       npm run bench:inline -- --infills FILE.jsonl --model M [--minutes N]\n" +
  "       npm run bench:inline -- --edits FILE.jsonl";
const bareCapBytes = 4 * 1024 ** 3;

export async function main(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: {
      sessions: { type: "string" },
      infills: { type: "string" },
      edits: { type: "string" },
      "chat-model": { type: "string" },
      minutes: { type: "string" },
      model: { type: "string" },
      baseline: { type: "string" },
      "ram-cap": { type: "string", default: "4GiB" },
      json: { type: "boolean", default: false },
    },
  });
  const { baseline, model, json, minutes } = values;
  // What is done by then counts.
  const end = minutes === undefined ? Number.POSITIVE_INFINITY : performance.now() + 60_000 * Number(minutes);
  const isOver = () => performance.now() > end;
  if (values.edits !== undefined) {
    process.stdout.write(`${JSON.stringify(await benchEdits(values.edits), undefined, json ? 0 : 2)}\n`);
    return;
  }
  if (values.infills !== undefined && model !== undefined) {
    const faults = await benchFaults(values.infills, path.resolve(model), bareCapBytes, isOver);
    process.stdout.write(`${JSON.stringify(faults, undefined, json ? 0 : 2)}\n`);
    return;
  }
  const unknown = baseline !== undefined && !["naive", "bare", "server"].includes(baseline);
  if (values.sessions === undefined || model === undefined || unknown) throw new Error(usage);
  const sessions = await readSessions(values.sessions);
  const modelPath = path.resolve(model);
  if (baseline === "server") {
    const beside = await benchBesideServer(sessions, modelPath, bareCapBytes, isOver);
    process.stdout.write(
      json
        ? `${JSON.stringify(beside)}\n`
        : `Flint:\n${summary(beside.flint)}\nllama-server:\n${summary(beside.server)}\nlatency ${beside.latencyRatio.toFixed(2)} x\n`,
    );
    return;
  }
  const chatModel = values["chat-model"] && path.resolve(values["chat-model"]);
  const onSession = (done: number) => {
    if (process.stderr.isTTY)
      process.stderr.write(`\r${done} of ${sessions.length}${done === sessions.length ? "\n" : ""}`);
  };
  const typing = {
    sessions,
    model: modelPath,
    ramCap: values["ram-cap"],
    naive: baseline === "naive",
    chatModel,
    isOver,
  };
  const result =
    baseline === "bare"
      ? await benchBare(sessions, modelPath, bareCapBytes, isOver)
      : await replay({ ...typing, onSession });
  process.stdout.write(`${json ? JSON.stringify(result) : summary(result)}\n`);
}

function summary(result: InlineResult): string {
  const { pauses, shown, exactLine, acceptedCharacters, p50Ms, p95Ms, requests, stale, flicker } = result;
  const { chatTokensPerSecond: chat } = result;
  return [
    `${shown} of ${pauses} pauses with a suggestion, ${exactLine} with the right line; ${acceptedCharacters} characters saved`,
    `p50 ${p50Ms ?? "-"} ms, p95 ${p95Ms ?? "-"} ms; ${result.evaluatedTokensPerKeystroke.toFixed(1)} tokens evaluated per keystroke`,
    `${requests.started} requests, ${requests.aborted} aborted, ${requests.shown} shown; ${stale} stale, ${flicker} flicker; aborted within ${result.abortP50Ms ?? "-"} ms (95%: ${result.abortP95Ms ?? "-"})`,
    `${result.cpuSecondsPerMinute.toFixed(1)} s of processor time per minute`,
    ...(chat ? [`chat ${chat.alone.toFixed(1)} tokens/s alone, ${chat.whileTyping.toFixed(1)} while typing`] : []),
  ].join("\n");
}
