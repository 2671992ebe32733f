/** ggml's CPU libraries, of which it takes the best for the processor; tests run on each that this one can run. */
import { execFile } from "node:child_process";
import { mkdir, rm, symlink } from "node:fs/promises";
import path from "node:path";
import { promisify } from "node:util";
import { inCheckout, report, runReport, start } from "./flint.js";

const tools = inCheckout("build/native/native-tests");

/** Makes llama.cpp keep weights as they are in the file. For LD_PRELOAD, in the process that loads llama.cpp. */
export const plainWeights = `${tools}/libflint-plain-weights.so`;

/**
 * `flint run MODEL … --json` with stock llama.cpp, with weights as they are in the file. By itself it lays them out anew
 * where the processor has kernels for that, which differ in the last bits of a sum and with them, in time, in a token.
 */
export const runPlain = async (model: string, ...args: string[]) =>
  report(
    runReport,
    // With one thread: several wait for one another by spinning. How many there are changes no bits.
    await start(["run", model, ...args, "--engine", "stock", "--threads", "1", "--json"], {
      env: { LD_PRELOAD: plainWeights },
    }).ended,
  );

/** One of them: its name, such as `haswell`, and a folder that has only this one. */
export interface CpuLibrary {
  name: string;
  folder: string;
}

/** Those that this processor can run, first that which ggml takes. After the native build. */
export async function cpuLibraries(): Promise<CpuLibrary[]> {
  const { stdout } = await promisify(execFile)(`${tools}/flint-cpu-libraries`);
  const libraries = stdout.trimEnd().split("\n");
  return Promise.all(
    libraries.map(async (library) => {
      const file = path.basename(library);
      const name = file.replace(/^libggml-cpu-(.*)\.so$/, "$1");
      const folder = inCheckout(`build/test/cpu-libraries-${process.pid}/${name}`);
      await rm(folder, { recursive: true, force: true });
      await mkdir(folder, { recursive: true });
      await symlink(library, path.join(folder, file));
      return { name, folder };
    }),
  );
}

/**
 * The environment in which a process of Node takes only this library.
 * @param preloaded other libraries for LD_PRELOAD
 */
export const onlyWith = ({ folder }: CpuLibrary, ...preloaded: string[]): NodeJS.ProcessEnv => ({
  LD_PRELOAD: [`${tools}/libflint-cpu-library.so`, ...preloaded].join(":"),
  FLINT_CPU_LIBRARIES_FOLDER: folder,
});
