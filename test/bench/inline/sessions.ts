/** Recorded typing: what is typed where, and when the person pauses. */
import { readFile } from "node:fs/promises";
import * as z from "zod";

const session = z.object({
  /** Other files of the workspace, by path. */
  files: z.record(z.string(), z.string()).default({}),
  path: z.string().min(1),
  /** The text before the cursor, what is then typed, and the text after it. */
  before: z.string(),
  typed: z.string().min(1),
  after: z.string().default(""),
  /** After so many characters of `typed`, a pause of so many ms. */
  pausesMs: z.array(z.tuple([z.int().min(0), z.number().min(0)])).default([]),
});
export type Session = z.infer<typeof session>;

/** @throws with the number of the line that is none. */
export async function readSessions(file: string): Promise<Session[]> {
  const lines = (await readFile(file, "utf8")).split("\n");
  return lines.flatMap((line, i) => {
    if (line.trim() === "") return [];
    try {
      return [session.parse(JSON.parse(line))];
    } catch (error) {
      throw new Error(`Line ${i + 1} of ${file} is no session: ${error instanceof Error ? error.message : error}`);
    }
  });
}

/** What is still to be typed of the line at a pause. */
export const restOfLine = ({ typed }: Session, index: number): string => typed.slice(index).split("\n", 1)[0] ?? "";

/** How many characters two texts share at their beginning. */
export function sharedLength(a: string, b: string): number {
  let length = 0;
  while (length < a.length && length < b.length && a[length] === b[length]) length++;
  return length;
}
