/** Suggestions for a cursor that moves: at most one request runs, and it serves whoever its text still fits. Knows no VS Code. */
import { setTimeout as sleep } from "node:timers/promises";
import type { CancellationToken } from "vscode-jsonrpc";
import type { PromptFile } from "../../../protocol/messages.js";
import type { Backend, CompletionRequest } from "../../backends/backend.js";
import type { Cursor } from "../cursor/cursor.js";
import { opensBlock } from "../cursor/indentation.js";
import { blockEnd } from "../filters/blockEnd.js";
import { suggestionOf, type Written } from "../filters/suggestion.js";
import type { SyntaxErrors } from "../filters/syntax.js";
import { requestFor } from "../prompt/request.js";
import { afterBlanks } from "../prompt/trailingBlanks.js";
import { type Spot, SuggestionCache } from "./cache.js";
import { Debounce } from "./debounce.js";
import { Generation } from "./generation.js";

/** Times from the request on, in ms. After this only whole lines that are there by then are shown. */
const firstLinesMs = 250;
/** After this what there is of a line is shown. */
const deadlineMs = 1000;
/** A prompt that takes longer to read is given up for this time: what was read of it is kept. */
const longestMs = 8000;
const maximumTokens = 96;
/** As much is written after what is shown, to be there when it is accepted: lines. */
const linesAhead = 1;
const mostLines = 10;

/** What a suggestion is asked for. */
export interface Place {
  /** Of the document. */
  file: string;
  cursor: Cursor;
  /** As the model is to see it. */
  path: string;
  /** Parts of other files, the same ones in the same order as long as may be. */
  files: readonly PromptFile[];
  /** A person asked for it: then it may take longer. */
  explicit: boolean;
  /** Where a parser of the file's language is at hand. */
  errorsWith?: SyntaxErrors | undefined;
}

export interface SuggesterOptions {
  backend: Pick<Backend, "complete" | "canComplete" | "capabilities" | "isAnswering">;
  log(line: string): void;
  /** Called as a request begins and ends, with what came of it. */
  onActivity?(activity: "thinking" | "shown" | "nothing"): void;
  /** In ms. */
  now?(): number;
}

/** Closing brackets, quotes and such alone: an editor adds and removes them while one types. */
const onlyClosers = /^[\s)\]}>"'`;,]*$/;

export class Suggester {
  private readonly cache = new SuggestionCache();
  private readonly debounce = new Debounce();
  /** The request that runs, or the last one: its text may still be of use. */
  private current: Generation | undefined;
  private readonly now: () => number;

  constructor(private readonly options: SuggesterOptions) {
    this.now = options.now ?? (() => performance.now());
  }

  /** A key was pressed. A request whose text does not fit any more ends now. */
  typed(place: Pick<Place, "file" | "cursor"> | undefined): void {
    this.debounce.keyPressed(this.now());
    const { current } = this;
    if (!current || current.ended) return;
    if (!place || current.textAt(spotOf(place)) === undefined) current.cancel();
  }

  /** Ends the request that runs. */
  stop(): void {
    this.current?.cancel();
  }

  /** What is worth suggesting; undefined where nothing is, or it comes too late. */
  async suggest(place: Place, token: CancellationToken): Promise<string | undefined> {
    const known = this.known(place);
    if (known !== undefined) return known || undefined;
    if (this.current && !this.current.ended && this.current.textAt(spotOf(place)) === undefined) this.current.cancel();
    if (!this.running && !place.explicit) {
      await sleep(this.debounce.wait(this.now(), this.options.backend.isAnswering));
    }
    if (token.isCancellationRequested) return undefined;
    // Another one may have come in the meantime.
    const since = this.known(place);
    if (since !== undefined) return since || undefined;
    this.options.onActivity?.("thinking");
    let shown: string | undefined;
    // One that was joined may turn out to say something else than was typed.
    for (let tries = 0; tries < 2 && shown === undefined && !token.isCancellationRequested; tries++) {
      const generation = this.join(place) ?? this.start(place);
      shown = generation && (await this.firstOf(generation, place, token));
      // Somebody else's request has ended it.
      if (this.current !== generation || generation?.cancelled) break;
    }
    if (!token.isCancellationRequested) this.options.onActivity?.(shown ? "shown" : "nothing");
    return shown || undefined;
  }

  /** Others for the same place, by chance; never more than so many. */
  async more(place: Place, count: number, token: CancellationToken): Promise<string[]> {
    const found: string[] = [];
    for (let seed = 1; seed <= count && !token.isCancellationRequested; seed++) {
      const request = { ...this.requestOf(place), maximumTokens: 48, temperature: 0.7, seed };
      const answer = await this.complete(request, place, ignore, token);
      if (!answer) break;
      const shown = shownOf({ text: answer.text, ended: answer.finishReason === "stop" }, place);
      if (shown !== undefined) found.push(shown);
    }
    return found;
  }

  /** Lets the model read what the next request will ask, in a pause. A request that comes meanwhile ends it. */
  async prepare(place: Place, token: CancellationToken): Promise<void> {
    if (this.running || !this.options.backend.canComplete) return;
    await this.complete({ ...this.requestOf(place), prepareOnly: true }, place, ignore, token);
  }

  private get running(): boolean {
    return this.current !== undefined && !this.current.ended && !this.current.cancelled;
  }

  /** What is to be shown without a request; "" for nothing, undefined where it is not known. */
  known(place: Place): string | undefined {
    const { cursor } = place;
    const spot = spotOf(place);
    const found = this.cache.find(spot);
    if (found) {
      if (found.shown === "" || found.lineAfter === cursor.lineAfter) return found.shown;
      // The editor has closed a bracket since.
      const again = shownOf({ text: found.shown, ended: true }, place) ?? "";
      this.cache.add({ ...spot, shown: again, lineAfter: cursor.lineAfter });
      return again;
    }
    const { current } = this;
    const ahead = current?.textAt(spot);
    if (!current || !ahead) return undefined;
    const piece = pieceOf(ahead, current, cursor, "line");
    return piece === undefined ? undefined : this.remember(place, piece);
  }

  private join(place: Place): Generation | undefined {
    const { current } = this;
    if (!current || !this.running) return undefined;
    if (current.textAt(spotOf(place)) !== undefined) return current;
    current.cancel();
    return undefined;
  }

  private start(place: Place): Generation | undefined {
    if (!this.options.backend.canComplete) return undefined;
    const generation = new Generation(spotOf(place), this.now());
    this.current = generation;
    void this.run(generation, place);
    return generation;
  }

  private async run(generation: Generation, place: Place): Promise<void> {
    const timer = setTimeout(() => generation.cancel(), longestMs);
    let enough = false;
    try {
      const answer = await this.complete(
        { ...this.requestOf(place), maximumTokens },
        place,
        (text) => {
          if (enough || text === "") return;
          if (generation.text === "") this.debounce.answered(this.now() - generation.startedAt);
          generation.write(text.replaceAll("\r", ""));
          enough = isEnough(generation.text, place.cursor, this.options.backend.isAnswering);
          if (!enough) return;
          generation.finish("enough");
          generation.cancel();
        },
        generation.token,
      );
      if (!generation.ended) generation.finish(answer?.finishReason === "stop" ? "stopped" : "cut");
    } finally {
      clearTimeout(timer);
      if (!generation.ended) generation.finish("cut");
    }
  }

  /** What of a generation can be shown as soon as it can; "" for nothing, undefined where it is not wanted any more. */
  private async firstOf(generation: Generation, place: Place, token: CancellationToken): Promise<string | undefined> {
    const spot = spotOf(place);
    const since = this.now();
    const timers: NodeJS.Timeout[] = [];
    let unsubscribe = ignore;
    try {
      return await new Promise<string | undefined>((resolve) => {
        const look = () => {
          if (token.isCancellationRequested) return resolve(undefined);
          const ahead = generation.textAt(spot);
          if (ahead === undefined) return resolve(undefined);
          const passed = this.now() - since;
          const show = passed >= deadlineMs && !place.explicit ? "all" : passed >= firstLinesMs ? "line" : "block";
          const piece = pieceOf(ahead, generation, place.cursor, show);
          if (piece !== undefined) return resolve(this.remember(place, piece));
          // Cut off by another request: it says nothing of this place.
          if (generation.ended) resolve(undefined);
        };
        const unlisten = generation.onChange(look);
        const subscription = token.onCancellationRequested(look);
        unsubscribe = () => {
          unlisten();
          subscription.dispose();
        };
        timers.push(setTimeout(look, firstLinesMs + 1), setTimeout(look, deadlineMs + 1));
        look();
      });
    } finally {
      unsubscribe();
      for (const timer of timers) clearTimeout(timer);
    }
  }

  private remember(place: Place, piece: { text: string; ended: boolean }): string {
    const { cursor } = place;
    const shown = shownOf(piece, place) ?? "";
    this.cache.add({ ...spotOf(place), shown, lineAfter: cursor.lineAfter });
    return shown;
  }

  private requestOf(place: Place): CompletionRequest {
    const { prefix, suffix } = spotOf(place);
    const { path, files } = place;
    return requestFor({ prefix, suffix, path, files }, this.options.backend.capabilities?.infill === true);
  }

  /** What the model says after the blanks that stand before the cursor: it says them again. */
  private async complete(
    request: CompletionRequest,
    { cursor }: Place,
    onText: (text: string) => void,
    token: CancellationToken,
  ) {
    const rest = afterBlanks(cursor.lineBefore);
    try {
      const answer = await this.options.backend.complete(request, token, (text) => onText(rest(text)));
      return answer && { ...answer, text: afterBlanks(cursor.lineBefore)(answer.text) };
    } catch (error) {
      // Nobody asked for a suggestion, so nobody is told; a crash shows in the status bar.
      this.options.log(`inline: ${String(error)}`);
      return undefined;
    }
  }
}

const ignore = () => undefined;

const shownOf = (written: Written, { cursor, errorsWith }: Place) => suggestionOf(written, cursor, errorsWith);

function spotOf({ file, cursor }: Pick<Place, "file" | "cursor">): Spot {
  const { prefix, suffix, lineAfter } = cursor;
  // The model closes brackets itself, and they are removed where the editor has done so.
  const kept = onlyClosers.test(lineAfter) ? suffix.slice(lineAfter.length) : suffix;
  return { file, prefix, suffix: kept };
}

/** Whether more than a line is wanted: in a block that begins, or on a line of its own. */
function wantsBlock({ lineBefore, lineAfter }: Cursor): boolean {
  return lineAfter.trim() === "" && (lineBefore.trim() === "" || opensBlock(lineBefore));
}

/**
 * What of the text can be shown.
 * @param show `block`: the end of a block if one is wanted, else the line. `line`: whole lines. `all`: what there is.
 */
function pieceOf(
  ahead: string,
  { end }: Generation,
  cursor: Cursor,
  show: "block" | "line" | "all",
): { text: string; ended: boolean } | undefined {
  const lines = ahead.split("\n");
  const first = lines.findIndex((line) => line.trim() !== "");
  // The last line may not be all there.
  const whole = end === "stopped" ? lines : lines.slice(0, -1);
  if (first === -1) return end === "stopped" ? { text: "", ended: true } : undefined;
  if (whole.length > first) {
    if (!wantsBlock(cursor)) return { text: lines.slice(0, first + 1).join("\n"), ended: true };
    if (end !== undefined || show !== "block" || blockEnd(lines, cursor) !== undefined) {
      return { text: whole.join("\n"), ended: true };
    }
  }
  return show === "all" || end !== undefined ? { text: ahead, ended: false } : undefined;
}

/** Whether nobody has use for more. */
function isEnough(text: string, cursor: Cursor, busy: boolean): boolean {
  const lines = text.split("\n");
  const written = lines.slice(0, -1).filter((line) => line.trim() !== "").length;
  if (cursor.singleLine) return written > 0 || lines.length > 1;
  if (wantsBlock(cursor)) return written >= mostLines || blockEnd(lines, cursor) !== undefined;
  // The next lines are for when this one is accepted; not while somebody waits for an answer.
  return written > (busy ? 0 : linesAhead) || (written > 0 && blockEnd(lines, cursor) !== undefined);
}
