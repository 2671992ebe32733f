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
    let finished = !process.stdout.isTTY;
    // On a terminal the line is finished when the step is; elsewhere, or after another program's, it is said again.
    process.stdout.write(process.stdout.isTTY ? `${head} … ` : `${head} …\n`);
    const finish = (/** @type {string} */ how) => {
      process.stdout.write(finished ? `${head}: ${how}\n` : `${how}\n`);
    };
    try {
      const result = await work({
        note: (note) => {
          text = `, ${note}`;
        },
        giveLine: () => {
          if (!finished) process.stdout.write("\n");
          finished = true;
        },
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
 * @property {() => void} giveLine ends the line, because another program is about to write
 */

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
