/**
 * Tool calls that a model writes as text, not in the form of its template. What names a tool is enough: the call is then written again
 * with its form forced (generation.ts), so that no dialect has to be parsed.
 */

/** What a call may begin with, at the beginning of a line. */
const openings = [
  "<tool_call>",
  "<tools>",
  "<function_call>",
  "<function=",
  "```json",
  "```tool_call",
  "```",
  "[TOOL_CALLS]",
];
/** Between an opening and the name of the tool. */
const body =
  /^\s*(?:\[\s*)?\{\s*"(?:type"\s*:\s*"function"\s*,\s*"function"\s*:\s*\{\s*")?(?:name|tool|function)"\s*:\s*"/;
/** Any longer beginning is none of a call. */
const longestBeginning = 200;

export interface TextCall {
  /** What is no part of a call. */
  text: string;
  /** The tool whose call begins after `text`. Nothing may follow then. */
  name?: string;
}

export class TextCallDetector {
  /** From the beginning of a line. */
  #held = "";
  /** Whether the line so far is told already. */
  #inLine = false;

  constructor(private readonly names: readonly string[]) {}

  push(piece: string): TextCall {
    this.#held += piece;
    let text = "";
    while (this.#held !== "") {
      if (!this.#inLine) {
        const called = this.#call();
        if (called !== undefined) return { text, name: called };
        if (this.#mayBecomeCall()) return { text };
      }
      const end = this.#held.indexOf("\n") + 1;
      const line = end === 0 ? this.#held : this.#held.slice(0, end);
      text += line;
      this.#held = this.#held.slice(line.length);
      this.#inLine = end === 0;
    }
    return { text };
  }

  /** What was held back, when the answer has ended. */
  end(): string {
    const text = this.#held;
    this.#held = "";
    return text;
  }

  #call(): string | undefined {
    const rest = this.#afterOpening();
    return this.names.find((name) => {
      if (rest.startsWith(`<function=${name}>`)) return true;
      const named = body.exec(rest);
      return named !== null && rest.slice(named[0].length).startsWith(`${name}"`);
    });
  }

  #afterOpening(): string {
    const start = this.#held.trimStart();
    const opening = openings.find((each) => each !== "<function=" && start.startsWith(each));
    return opening === undefined ? start : start.slice(opening.length).trimStart();
  }

  /** Whether more text could make a call of it. */
  #mayBecomeCall(): boolean {
    const start = this.#held.trimStart();
    if (start.length > longestBeginning) return false;
    if (openings.some((each) => each.startsWith(start) && start !== each)) return true;
    const rest = this.#afterOpening();
    if (rest === "") return start !== "";
    const functions = this.names.map((name) => `<function=${name}>`);
    const bodies = ['{"name":"', '{"tool":"', '{"function":"', '{"type":"function","function":{"name":"'];
    const calls = [
      ...functions,
      ...this.names.flatMap((name) => bodies.flatMap((each) => [each + name, `[${each}${name}`])),
    ];
    const bare = rest.replaceAll(/\s+/g, "");
    return calls.some((call) => call.startsWith(bare));
  }
}
