import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { platformProblem, type System, thisSystem } from "./platformCheck.js";
import { isPlatform, type PlatformName, platforms } from "./platforms.mjs";

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "flint-platform-"));
});
afterEach(() => rmSync(root, { recursive: true }));

/** What a VSIX for this platform holds, as far as it counts. */
function install(name: PlatformName): void {
  const { backend, libraries } = platforms[name];
  mkdirSync(join(root, "dist/native"), { recursive: true });
  writeFileSync(join(root, "dist/native", backend), "");
  mkdirSync(join(root, "node_modules/@node-llama-cpp", libraries), { recursive: true });
}

const systems: Record<PlatformName, System> = {
  "linux-x64": { name: "linux-x64", glibc: "2.36" },
  "linux-arm64": { name: "linux-arm64", glibc: "2.34" },
  "win32-x64": { name: "win32-x64" },
  "win32-arm64": { name: "win32-arm64" },
  "darwin-x64": { name: "darwin-x64" },
  "darwin-arm64": { name: "darwin-arm64" },
};
const names = Object.keys(platforms).filter(isPlatform);

describe("a package on a system", () => {
  test.each(names)("runs where it is for that system: %s", (name) => {
    install(name);
    expect(platformProblem(root, systems[name])).toBeUndefined();
  });

  test.each(names.flatMap((packaged) => names.filter((name) => name !== packaged).map((name) => [packaged, name])))(
    "is refused where it is for another: %s on %s",
    (packaged = "", name = "") => {
      if (!isPlatform(packaged) || !isPlatform(name)) throw new Error("not in the table");
      install(packaged);
      expect(platformProblem(root, systems[name])).toMatch(
        /^This Flint package is for .*install the package for \S+\.$/,
      );
    },
  );

  test("names both systems", () => {
    install("win32-x64");
    expect(platformProblem(root, systems["linux-arm64"])).toBe(
      "This Flint package is for Windows x64. This system is Linux ARM64. Uninstall it, and install the package for linux-arm64.",
    );
  });

  test("is refused where the system has musl", () => {
    install("linux-x64");
    expect(platformProblem(root, { name: "linux-x64", musl: true })).toMatch(/Alpine Linux.*musl.*glibc/);
  });

  test("is refused where the C library is too old", () => {
    install("linux-x64");
    expect(platformProblem(root, { name: "linux-x64", glibc: "2.31" })).toBe(
      "Flint needs the GNU C library (glibc) 2.34 or newer. This system has 2.31.",
    );
    expect(platformProblem(root, { name: "linux-x64", glibc: "3.0" })).toBeUndefined();
  });

  test("is refused on Windows without the runtime that llama.cpp needs", () => {
    install("win32-x64");
    expect(platformProblem(root, { name: "win32-x64", visualCpp: false })).toMatch(/Visual C\+\+.*vc_redist\.x64\.exe/);
    install("win32-arm64");
    expect(platformProblem(root, { name: "win32-arm64", visualCpp: false })).toMatch(/vc_redist\.arm64\.exe/);
    expect(platformProblem(root, { name: "win32-x64", visualCpp: true })).toBeUndefined();
  });

  test("is refused on a processor that there is no package for", () => {
    expect(platformProblem(root, { name: "linux-riscv64", glibc: "2.40" })).toMatch(
      /^Flint does not run on linux-riscv64/,
    );
  });
});

test.runIf(process.platform === "linux")("the C library of this system is told", () => {
  const { glibc, musl } = thisSystem();
  expect(glibc === undefined ? musl : /^\d+\.\d+$/.test(glibc)).toBe(true);
});
