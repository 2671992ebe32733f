/** Parts of other files that a person has had to do with lately: what goes before the prompt. */
import type { PromptFile } from "../../../protocol/messages.js";
import { hasSecret, isSecretFile } from "../filters/secrets.js";

/** Of one chunk, and how many chunks there are. */
const chunkLines = 64;
const mostChunks = 16;
/** Of a chunk, in characters: lines may be long. */
const longestChunk = 6000;
/** Chunks that share more of their lines are taken for the same. */
const sameShare = 0.9;
/** The least that is of use, in lines. */
const leastLines = 3;

/**
 * A ring of chunks, the newest last. What comes in waits until {@link settle} takes it over in a pause: the model has to read
 * all that follows a change again.
 */
export class ContextRing {
  private chunks: PromptFile[] = [];
  private waiting: PromptFile[] = [];

  /** Takes a part of a file; of a long one the lines around `line`. Similar chunks leave for it. */
  add(name: string, text: string, line = 0): void {
    if (isSecretFile(name)) return;
    const lines = text.replaceAll("\r\n", "\n").split("\n");
    const start = Math.max(0, Math.min(line - chunkLines / 2, lines.length - chunkLines));
    const kept = lines
      .slice(start, start + chunkLines)
      .filter((each) => !hasSecret(each))
      .join("\n")
      .slice(0, longestChunk);
    if (linesOf(kept).size < leastLines) return;
    this.waiting = this.waiting.filter((other) => !isSame(other, { name, text: kept }));
    this.waiting.push({ name, text: kept });
    this.waiting.splice(0, this.waiting.length - mostChunks);
  }

  /** Whether something waits to be taken over. */
  get hasNews(): boolean {
    return this.waiting.some(
      (chunk) => !this.chunks.some((other) => other.name === chunk.name && other.text === chunk.text),
    );
  }

  /** Takes over what has come in. */
  settle(): void {
    for (const chunk of this.waiting) {
      if (this.chunks.some((other) => other.name === chunk.name && other.text === chunk.text)) continue;
      this.chunks = this.chunks.filter((other) => !isSame(other, chunk));
      this.chunks.push(chunk);
    }
    this.waiting = [];
    this.chunks.splice(0, this.chunks.length - mostChunks);
  }

  /** For a completion in a file: what is not of that file, in an order that stays. */
  filesFor(name: string): PromptFile[] {
    return this.chunks.filter((chunk) => chunk.name !== name);
  }

  clear(): void {
    this.chunks = [];
    this.waiting = [];
  }
}

function isSame(a: PromptFile, b: PromptFile): boolean {
  const [linesA, linesB] = [linesOf(a.text), linesOf(b.text)];
  const shared = [...linesA].filter((line) => linesB.has(line)).length;
  const share = (2 * shared) / Math.max(1, linesA.size + linesB.size);
  // The same place of the same file, edited: the older one is out of date.
  return share > (a.name === b.name ? 0.5 : sameShare);
}

const linesOf = (text: string) =>
  new Set(
    text
      .split("\n")
      .map((line) => line.trim())
      .filter((line) => line.length > 1),
  );
