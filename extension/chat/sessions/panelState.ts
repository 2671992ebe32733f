import * as z from "zod";
import { readJson } from "../../../models/files/atomicJson.js";
import { type Draft, longestQuestion } from "../../../webview/messages.js";
import { JsonFollower } from "./jsonFollower.js";

/** How long a draft may be in memory alone, in ms: each key that is pressed changes it. */
const storeDraftAfterMs = 250;

export const draftSchema: z.ZodType<Draft> = z.object({
  text: z.string().max(longestQuestion),
  editing: z.object({ id: z.string(), text: z.string().max(longestQuestion) }).optional(),
});

const schema = z.object({
  version: z.literal(1),
  conversation: z.string().optional(),
  drafts: z.record(z.string(), draftSchema),
});

/** What the panel showed: which conversation, and what was typed and not sent. Kept in a small file of its own. */
export class PanelState {
  private readonly drafts: Map<string, Draft>;
  private readonly follower: JsonFollower;
  /** While it runs, drafts wait to be stored. */
  private timer: NodeJS.Timeout | undefined;
  private isStale = false;

  private constructor(
    file: string,
    private conversation: string | undefined,
    drafts: Record<string, Draft>,
    log: (line: string) => void,
  ) {
    this.drafts = new Map(Object.entries(drafts));
    this.follower = new JsonFollower(
      file,
      () => ({ version: 1, conversation: this.conversation, drafts: Object.fromEntries(this.drafts) }),
      (error) => log(`Drafts could not be stored: ${String(error)}`),
    );
  }

  /** Reads `file` where it exists. Never rejects: without it, nothing but drafts is lost, which the log tells. */
  static async open(file: string, log: (line: string) => void): Promise<PanelState> {
    try {
      const found = await readJson(file, schema);
      if (found.kind === "value") return new PanelState(file, found.value.conversation, found.value.drafts, log);
      if (found.kind === "damaged") log(found.reason);
    } catch (error) {
      log(`${file}: ${String(error)}`);
    }
    return new PanelState(file, undefined, {}, log);
  }

  /** Id of the conversation on show. */
  get current(): string | undefined {
    return this.conversation;
  }
  set current(id: string) {
    if (id === this.conversation) return;
    this.conversation = id;
    void this.store();
  }

  draft(id: string): Draft {
    return this.drafts.get(id) ?? { text: "" };
  }

  /** Stores what was typed for a conversation: at once, but not more often than every {@link storeDraftAfterMs}. */
  setDraft(id: string, draft: Draft): void {
    if (draft.text === "" && draft.editing === undefined) {
      if (!this.drafts.delete(id)) return;
    } else {
      this.drafts.set(id, draft);
    }
    this.isStale = true;
    if (this.timer === undefined) this.storeDraft();
  }

  /** Writes what was changed. Never rejects. */
  store(): Promise<void> {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.isStale = false;
    return this.follower.store();
  }

  private storeDraft(): void {
    void this.store();
    this.timer = setTimeout(() => {
      this.timer = undefined;
      if (this.isStale) this.storeDraft();
    }, storeDraftAfterMs);
    this.timer.unref();
  }
}
