/** Flint's sidecar beside llama-server's `/infill`: the same model, cursors and files, asked in turn. */
import path from "node:path";
import * as z from "zod";
import { requestFor } from "../../../extension/inline/prompt/request.js";
import { afterBlanks } from "../../../extension/inline/prompt/trailingBlanks.js";
import { startSidecar } from "../../../protocol/client.js";
import { completeRequest, loadRequest, type PromptFile } from "../../../protocol/messages.js";
import { root } from "../../../scripts/root.mjs";
import { prepareLlamaServer, startLlamaServer } from "../../support/llamaServer.js";
import { type InlineResult, type Pause, Tally } from "./result.js";
import type { Session } from "./sessions.js";

const contextTokens = 4096;
const maximumTokens = 64;
const threads = 2;
/** Of the text around the cursor that both get, in lines. */
const [linesBefore, linesAfter] = [64, 16];
/** Of each other file, in characters: reading is what takes long where the machine is slow. */
const longestFile = 1500;

export interface Beside {
  flint: InlineResult;
  server: InlineResult;
  /** Flint's median by the server's. */
  latencyRatio: number;
}

/** What stands in a gap, up to the end of its line. */
type Infill = (cursor: { before: string; after: string; files: PromptFile[]; path: string }) => Promise<string>;

/** Asks both at each pause, one after the other, and takes turns in who is first. Times are from request to whole line. */
export async function benchBesideServer(
  sessions: readonly Session[],
  model: string,
  ramCapBytes: number,
  isOver: () => boolean,
): Promise<Beside> {
  const peer = await prepareLlamaServer();
  if (peer.missing !== undefined) throw new Error(peer.missing);
  const server = await startLlamaServer(peer, model, contextTokens, threads);
  const sidecar = await startSidecar({ scriptPath: path.join(root, "dist/sidecar.js"), onLog: () => undefined });
  try {
    await sidecar.connection.sendRequest(loadRequest, {
      ...{ modelPath: model, engine: "flash", ramCapBytes, contextTokens, threads },
    });
    const flint: Infill = async ({ before, after, files, path: name }) => {
      const request = requestFor({ prefix: before, suffix: after, path: name, files }, true);
      const limits = { maximumTokens, stop: ["\n"] };
      const { text } = await sidecar.connection.sendRequest(completeRequest, { ...request, ...limits });
      return afterBlanks(before)(text);
    };
    const sides = [new Side(flint), new Side(llamaServer(server.url))];
    for (const [number, session] of sessions.entries()) {
      if (isOver()) break;
      const { before, typed, after, files, path: name } = session;
      const cursorAt = (index: number) => ({
        before: (before + typed.slice(0, index)).split("\n").slice(-linesBefore).join("\n"),
        after: after.split("\n").slice(0, linesAfter).join("\n"),
        files: Object.entries(files).map(([file, text]) => ({ name: file, text: text.slice(0, longestFile) })),
        path: name,
      });
      // Read ahead, as in an editor that was opened a while ago.
      for (const side of sides) await side.read(cursorAt(0));
      for (const [index] of session.pausesMs) {
        for (const side of number % 2 === 0 ? sides : sides.toReversed()) await side.ask(cursorAt(index), index);
      }
      for (const side of sides) side.end(session);
    }
    const [ours, theirs] = sides.map((side) => side.result);
    if (!ours || !theirs) throw new Error("Nobody was asked.");
    return { flint: ours, server: theirs, latencyRatio: (ours.p50Ms ?? 0) / (theirs.p50Ms ?? 1) };
  } finally {
    sidecar.dispose();
    await server.stop();
  }
}

class Side {
  private readonly tally = new Tally();
  private pauses: Pause[] = [];
  private asked = 0;

  constructor(private readonly infill: Infill) {}

  async read(cursor: Parameters<Infill>[0]): Promise<void> {
    await this.infill(cursor);
  }

  async ask(cursor: Parameters<Infill>[0], index: number): Promise<void> {
    const since = performance.now();
    const text = await this.infill(cursor);
    this.asked++;
    this.pauses.push({ index, shown: text, latencyMs: performance.now() - since });
  }

  end(session: Session): void {
    this.tally.keystrokes += session.typed.length;
    this.tally.session(session, this.pauses);
    this.pauses = [];
  }

  get result(): InlineResult {
    const requests = { started: this.asked, aborted: 0, shown: this.asked };
    return this.tally.result({ evaluatedTokens: 0, requests, cpuSeconds: 0, minutes: 0 });
  }
}

const answer = z.object({ content: z.string() });

const llamaServer =
  (url: string): Infill =>
  async ({ before, after, files }) => {
    const body = {
      ...{ input_prefix: before, input_suffix: after, prompt: "", n_predict: maximumTokens },
      input_extra: files.map(({ name, text }) => ({ filename: name, text })),
      ...{ temperature: 0, cache_prompt: true, stop: ["\n"], stream: false },
    };
    const response = await fetch(`${url}/infill`, { method: "POST", body: JSON.stringify(body) });
    if (!response.ok) throw new Error(`llama-server answers ${response.status}: ${await response.text()}`);
    return answer.parse(await response.json()).content;
  };
