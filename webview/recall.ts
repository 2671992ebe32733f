/** Steps through the questions of before, as a shell does. */
export class Recall {
  private questions: readonly string[] = [];
  /** How many questions back; 0: none is recalled. */
  private back = 0;

  /** @param questions oldest first */
  show(questions: readonly string[]): void {
    this.questions = questions.filter((text, index) => text !== questions[index + 1]);
  }

  /**
   * @param text what is in the input
   * @returns what is to be there instead; undefined: the key has its usual meaning
   */
  step(key: "ArrowUp" | "ArrowDown", text: string): string | undefined {
    // What was changed is the person's own.
    if (text !== this.recalled) this.back = 0;
    if (text !== this.recalled) return undefined;
    const back = this.back + (key === "ArrowUp" ? 1 : -1);
    if (back < 0 || back > this.questions.length) return undefined;
    this.back = back;
    return this.recalled;
  }

  private get recalled(): string {
    return this.back === 0 ? "" : (this.questions.at(-this.back) ?? "");
  }
}
