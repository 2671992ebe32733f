// What must be on the machine before anything can be built. Needs nothing installed.
import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { promisify } from "node:util";
import { root } from "./root.mjs";

const execute = promisify(execFile);

/** A tool that is missing or too old; the message says how to get it. */
export class ToolMissing extends Error {}

/** How each system's package manager names the tools. The first one that is there is advised. */
const packageManagers = [
  { command: "apt-get", install: "sudo apt-get install", compiler: "g++", make: "make" },
  { command: "dnf", install: "sudo dnf install", compiler: "gcc-c++", make: "make" },
  { command: "pacman", install: "sudo pacman -S", compiler: "gcc", make: "make" },
  { command: "zypper", install: "sudo zypper install", compiler: "gcc-c++", make: "make" },
  { command: "apk", install: "sudo apk add", compiler: "g++", make: "make" },
  { command: "brew", install: "brew install", compiler: "gcc", make: "make" },
];

/**
 * Whether a program can be run.
 * @param {string} command
 */
async function runs(command) {
  try {
    await execute(command, ["--version"]);
    return true;
  } catch (error) {
    // Any answer but "no such program" is a program's.
    return !(error instanceof Error && "code" in error && (error.code === "ENOENT" || error.code === "EACCES"));
  }
}

/** @param {string[]} commands of which one is enough */
async function oneRuns(commands) {
  return (await Promise.all(commands.map(runs))).includes(true);
}

/**
 * Checks that Node, a C++ compiler, CMake, make or ninja, git and npm are there.
 * @throws {ToolMissing} with one line that names all that are missing and how to get them
 */
export async function requireTools() {
  await requireNode();
  const { CXX } = process.env;
  /** @type {{ name: string, commands: string[], package: "compiler" | "make" | "cmake" | "git" }[]} */
  const tools = [
    { name: "a C++ compiler", commands: CXX ? [CXX] : ["c++", "g++", "clang++"], package: "compiler" },
    { name: "CMake", commands: ["cmake"], package: "cmake" },
    { name: "make or ninja", commands: ["make", "ninja"], package: "make" },
    { name: "git", commands: ["git"], package: "git" },
  ];
  const there = await Promise.all(tools.map(({ commands }) => oneRuns(commands)));
  const missing = tools.filter((_, index) => !there[index]);
  if (missing.length > 0) {
    const names = missing.map(({ name }) => name).join(", ");
    throw new ToolMissing(`Flint's build needs ${names}. ${await advice(missing.map((tool) => tool.package))}`);
  }
  const { npm_execpath } = process.env;
  if (!npm_execpath && !(await oneRuns(["npm"]))) {
    throw new ToolMissing("Flint's build needs npm, which comes with Node from nodejs.org.");
  }
}

async function requireNode() {
  const { engines } = JSON.parse(await readFile(path.join(root, "package.json"), "utf8"));
  const [, wanted = ""] = /^>=([\d.]+)$/.exec(engines.node) ?? [];
  if (process.versions.node.localeCompare(wanted, undefined, { numeric: true }) < 0) {
    throw new ToolMissing(
      `Flint needs Node ${wanted} or newer; this is ${process.versions.node}. Get it from nodejs.org or with "nvm install --lts".`,
    );
  }
}

/** @param {("compiler" | "make" | "cmake" | "git")[]} packages */
async function advice(packages) {
  for (const manager of packageManagers) {
    if (!(await runs(manager.command))) continue;
    const names = packages.map((name) => (name === "compiler" || name === "make" ? manager[name] : name));
    return `Get it with: ${manager.install} ${names.join(" ")}`;
  }
  return "Get it from your system's package manager.";
}
