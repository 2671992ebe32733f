/** Programs of tests that are written in C++, each case of which becomes a test of vitest. */
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";

/** What came of a case: undefined when it passed, else what failed. */
export type Outcome = string | undefined;

/** One run of a program of test/native, which prints a line for each case; see main.cpp there. */
export class NativeRun {
  readonly #outcomes = new Map<string, Outcome>();
  readonly #waiting = new Map<string, (outcome: Outcome) => void>();
  readonly #process;
  #complaints = "";
  #failed: { name: string; words: string[] } | undefined;
  #ended: string | undefined;
  /** How the process ended. */
  readonly end: Promise<string>;

  /** @param wanted names of cases, all of them when empty */
  constructor(program: string, wanted: readonly string[], env: NodeJS.ProcessEnv) {
    this.#process = spawn(program, wanted, {
      env: { ...process.env, ...env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.#process.stderr.setEncoding("utf8").on("data", (text: string) => {
      this.#complaints = (this.#complaints + text).slice(-4000);
    });
    createInterface({ input: this.#process.stdout }).on("line", (line) => this.#read(line));
    this.end = new Promise((resolve, reject) => {
      this.#process.once("error", reject);
      this.#process.once("close", (code, signal) => {
        this.#tellFailed();
        const how = signal ?? `exit status ${code}`;
        this.#ended = `The process ended before this case did (${how}).\n${this.#complaints}`;
        for (const tell of this.#waiting.values()) tell(this.#ended);
        resolve(how);
      });
    });
  }

  /** Resolves when the case is done, or can't be done any more. */
  async outcome(name: string): Promise<Outcome> {
    if (this.#outcomes.has(name)) return this.#outcomes.get(name);
    if (this.#ended !== undefined) return this.#ended;
    return new Promise((resolve) => this.#waiting.set(name, resolve));
  }

  /** The cases that are done so far, in the order in which they ran. */
  get outcomes(): ReadonlyMap<string, Outcome> {
    return this.#outcomes;
  }

  /** The last of what it wrote to standard error. */
  get complaints(): string {
    return this.#complaints;
  }

  /** How the process must end after these. */
  get expectedEnd(): string {
    return [...this.#outcomes.values()].some((outcome) => outcome !== undefined) ? "exit status 1" : "exit status 0";
  }

  async stop(): Promise<void> {
    this.#process.kill();
    await this.end;
  }

  #read(line: string): void {
    const [, how, name] = /^(ok|FAILED) +(.*)$/.exec(line) ?? [];
    if (how === undefined || name === undefined) {
      this.#failed?.words.push(line.trim());
      return;
    }
    this.#tellFailed();
    if (how === "ok") this.#tell(name, undefined);
    else this.#failed = { name, words: [] };
  }

  /** What a failed case says ends where the next one begins. */
  #tellFailed(): void {
    if (this.#failed) this.#tell(this.#failed.name, this.#failed.words.join("\n") || "It failed without a word.");
    this.#failed = undefined;
  }

  #tell(name: string, outcome: Outcome): void {
    this.#outcomes.set(name, outcome);
    this.#waiting.get(name)?.(outcome);
    this.#waiting.delete(name);
  }
}
