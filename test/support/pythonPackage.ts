/** A package of PyPI for tests, in a virtual environment that is made once. */
import { execFile } from "node:child_process";
import { access } from "node:fs/promises";
import { homedir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";

export interface PythonPackage {
  /** With which it can be imported. */
  python: string;
  /** Why it can't be had; undefined where it can. */
  missing: string | undefined;
}

/**
 * @param folder of the environment, in the folder of Flint's caches
 * @param module that is imported from it
 */
export async function pythonPackage(requirement: string, folder: string, module: string): Promise<PythonPackage> {
  const environment = path.join(homedir(), ".cache", "flint", folder);
  const python = path.join(environment, "bin", "python");
  try {
    const run = promisify(execFile);
    await access(python).catch(() => run("python3", ["-m", "venv", environment]));
    const installed = await run(python, ["-c", `import ${module}`]).catch(() => undefined);
    if (!installed) await run(python, ["-m", "pip", "install", "--quiet", requirement]);
    return { python, missing: undefined };
  } catch (error) {
    const why = error instanceof Error ? error.message.split("\n")[0] : String(error);
    return { python, missing: `${requirement} can't be had: ${why}` };
  }
}
