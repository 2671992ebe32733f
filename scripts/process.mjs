// Other programs: started, waited for, and ended together with this one.
import { spawn } from "node:child_process";
import { constants, setPriority } from "node:os";
import path from "node:path";

/**
 * A program that did not succeed. `output` is what it said, where that was not on the terminal already.
 */
export class CommandFailed extends Error {
  /**
   * @param {string} command
   * @param {string} how it ended
   * @param {string} output
   */
  constructor(command, how, output) {
    super(`${command} failed (${how})`);
    this.output = output;
  }
}

/**
 * Runs a program to its end.
 * @param {string} command
 * @param {string[]} args
 * @param {object} [options]
 * @param {string} [options.cwd]
 * @param {NodeJS.ProcessEnv} [options.env] added to this process's
 * @param {boolean} [options.show] let it write to the terminal instead of keeping what it says
 * @param {boolean} [options.background] give it only the time that no other process wants
 * @returns {Promise<string>} what it wrote to standard output, empty with `show`
 * @throws {CommandFailed}
 */
export async function run(command, args, { cwd, env, show = false, background = false } = {}) {
  const child = spawn(command, args, {
    cwd,
    env: { ...process.env, ...env },
    stdio: show ? "inherit" : ["ignore", "pipe", "pipe"],
  });
  if (background && child.pid !== undefined) setPriority(child.pid, constants.priority.PRIORITY_LOW);
  let stdout = "";
  let output = "";
  child.stdout?.setEncoding("utf8").on("data", (text) => {
    stdout += text;
    output += text;
  });
  child.stderr?.setEncoding("utf8").on("data", (text) => {
    output += text;
  });
  const how = await new Promise((resolve) => {
    child.once("error", (error) => resolve(error.message));
    child.once("close", (code, signal) => resolve(code === 0 ? undefined : (signal ?? `exit status ${code}`)));
  });
  if (how !== undefined) throw new CommandFailed([path.basename(command), ...args].join(" "), how, output);
  return stdout;
}

/**
 * Runs npm: the one that runs this script, where one does.
 * @param {string} folder with the package.json to work on
 * @param {string[]} args
 * @throws {CommandFailed}
 */
export async function npm(folder, args) {
  const { npm_execpath = "" } = process.env;
  const quiet = ["--prefix", folder, "--no-audit", "--no-fund", ...args];
  if (path.basename(npm_execpath) === "npm-cli.js") {
    await run(process.execPath, [npm_execpath, ...quiet], { cwd: folder });
  } else {
    await run("npm", quiet, { cwd: folder });
  }
}

/**
 * A started program and everything it starts in turn.
 * @typedef {object} Group
 * @property {import("node:child_process").ChildProcess} leader
 * @property {Promise<void>} ended
 * @property {() => Promise<void>} stop asks all of them to end, makes them after 5 s, and resolves when the leader has
 */

/**
 * Starts a program as the leader of a process group, which ends no later than this process.
 * @param {string} command
 * @param {string[]} args
 * @param {import("node:child_process").SpawnOptions} options
 * @returns {Group}
 */
export function startGroup(command, args, options) {
  const leader = spawn(command, args, { ...options, detached: true });
  const signal = (/** @type {NodeJS.Signals} */ name) => {
    if (leader.pid === undefined) return;
    try {
      process.kill(-leader.pid, name);
    } catch (error) {
      // ESRCH: all of them have ended already.
      if (!(error instanceof Error && "code" in error && error.code === "ESRCH")) throw error;
    }
  };
  const endNow = () => signal("SIGKILL");
  process.once("exit", endNow);
  const ended = new Promise((resolve) => leader.once("close", resolve).once("error", resolve)).then(() => {
    process.off("exit", endNow);
    // What the leader started may outlive it.
    endNow();
  });
  const stop = async () => {
    signal("SIGTERM");
    const timer = setTimeout(endNow, 5000);
    await ended;
    clearTimeout(timer);
  };
  return { leader, ended, stop };
}
