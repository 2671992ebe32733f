/** Finds a thought at the beginning of a streamed answer: `<think>` to `</think>`, as most models write it. Pure. */

const opening = "<think>";
const closing = "</think>";

/** A piece of an answer, told apart. */
export interface Told {
  thought: string;
  text: string;
}

export class ThoughtTags {
  /** `closed`: the answer has not begun; blank lines between both are neither's. */
  #state: "before" | "open" | "closed" | "after" = "before";
  /** What may be the beginning of a tag. */
  #held = "";

  get isOpen(): boolean {
    return this.#state === "open";
  }

  push(chunk: string): Told {
    const told: Told = { thought: "", text: "" };
    this.#held += chunk;
    if (this.#state === "before") this.#begin();
    if (this.#state === "open") told.thought = this.#think();
    if (this.#state === "closed") {
      this.#held = this.#held.trimStart();
      if (this.#held !== "") this.#state = "after";
    }
    if (this.#state === "after") {
      told.text = this.#held;
      this.#held = "";
    }
    return told;
  }

  /** @returns what is left: of a thought without an end nothing */
  end(): string {
    const rest = this.#state === "before" ? this.#held : "";
    this.#held = "";
    return rest;
  }

  #begin(): void {
    const start = this.#held.trimStart();
    if (start.startsWith(opening)) {
      this.#state = "open";
      this.#held = start.slice(opening.length);
    } else if (!opening.startsWith(start)) {
      this.#state = "after";
    }
  }

  /** @returns what is surely thought */
  #think(): string {
    const end = this.#held.indexOf(closing);
    if (end >= 0) {
      const thought = this.#held.slice(0, end);
      this.#held = this.#held.slice(end + closing.length);
      this.#state = "closed";
      return thought;
    }
    const sure = this.#held.length - heldBack(this.#held);
    const thought = this.#held.slice(0, sure);
    this.#held = this.#held.slice(sure);
    return thought;
  }
}

/** How many of the last characters may be the beginning of the closing tag. */
function heldBack(text: string): number {
  for (let length = Math.min(closing.length - 1, text.length); length > 0; length--) {
    if (closing.startsWith(text.slice(-length))) return length;
  }
  return 0;
}
