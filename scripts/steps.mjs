// What the commands say while they work: one line a step, with its number and its time.
import { writeSync } from "node:fs";
import { CommandFailed } from "./process.mjs";
import { ToolMissing } from "./tools.mjs";

/** Counts and times the steps of one command. */
export class Steps {
  #number = 0;
  #total;

  /** @param {number} total steps that the command takes */
  constructor(total) {
    this.#total = total;
  }

  /**
   * Does one step.
   * @template T
   * @param {string} title what it does
   * @param {(report: Report) => Promise<T>} work
   * @returns {Promise<T>}
   */
  async run(title, work) {
    this.#number += 1;
    const head = `[${this.#number}/${this.#total}] ${title}`;
    const begin = performance.now();
    let text = "";
    const bar = new DownloadBar();
    // On a terminal the line is finished when the step is; elsewhere, or under a bar, it is said again.
    process.stdout.write(process.stdout.isTTY ? `${head} … ` : `${head} …\n`);
    const finish = (/** @type {string} */ how) => {
      bar.stop();
      process.stdout.write(process.stdout.isTTY && !bar.shown ? `${how}\n` : `${head}: ${how}\n`);
    };
    try {
      const result = await work({
        note: (note) => {
          text = `, ${note}`;
        },
        progress: () => bar.start(),
      });
      finish(`${((performance.now() - begin) / 1000).toFixed(1)} s${text}`);
      return result;
    } catch (error) {
      finish("failed");
      throw error;
    }
  }
}

/**
 * How a step tells more.
 * @typedef {object} Report
 * @property {(text: string) => void} note is put behind the time
 * @property {() => Promise<Progress>} progress shows a bar from the first call of the function it gives
 */

/** @typedef {(doneBytes: number, totalBytes: number) => void} Progress */

const tellEveryMs = 100;

/** A progress bar in megabytes; where there is no terminal, a line every few seconds. */
class DownloadBar {
  /** @type {import("cli-progress").SingleBar | undefined} */
  #bar;
  shown = false;

  /** @returns {Promise<Progress>} */
  async start() {
    // Not there before the dependencies were installed.
    const { default: library } = await import("cli-progress");
    const bar = new library.SingleBar(
      {
        format: "      {bar} {percentage}% | {value} of {total} MB | {eta_formatted} left",
        noTTYOutput: true,
        notTTYSchedule: 5000,
        etaBuffer: 50,
        formatValue: (value, _, type) =>
          type === "value" || type === "total" ? String(Math.round(value / 1e6)) : String(value),
      },
      library.Presets.shades_classic,
    );
    this.#bar = bar;
    let toldAt = 0;
    return (done, total) => {
      const now = performance.now();
      if (!this.shown) {
        if (process.stdout.isTTY) process.stdout.write("\n");
        bar.start(total, done);
        this.shown = true;
      } else if (now - toldAt >= tellEveryMs || done === total) {
        // The time left is guessed from the last updates: of each few kilobytes it would jump about.
        bar.update(done);
        toldAt = now;
      }
    };
  }

  stop() {
    if (this.shown) this.#bar?.stop();
  }
}

/**
 * Runs a command's main function and ends the process: 0; 2 where a tool is missing; 1 on any other failure, of which
 * one line says what happened, after what a failing program said.
 * @param {() => Promise<void>} main
 */
export async function runMain(main) {
  try {
    await main();
    process.exit(process.exitCode);
  } catch (error) {
    if (error instanceof CommandFailed && error.output) process.stderr.write(`${error.output.trimEnd()}\n`);
    // Written at once: process.exit drops what a pipe has not taken.
    writeSync(2, `${error instanceof Error ? error.message : String(error)}\n`);
    process.exit(error instanceof ToolMissing ? 2 : 1);
  }
}
