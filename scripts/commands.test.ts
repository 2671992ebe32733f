import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, expect, test } from "vitest";

const folder = import.meta.dirname;
const empty = mkdtempSync(path.join(tmpdir(), "flint-no-tools-"));
afterAll(() => rmSync(empty, { recursive: true }));

test.each(["start", "test", "package", "build-command"])(
  "%s.mjs names a missing tool in one line and exits with 2",
  (name) => {
    const env = { ...process.env, PATH: empty, CXX: undefined };
    const { status, stderr } = spawnSync(process.execPath, [path.join(folder, `${name}.mjs`)], {
      env,
      encoding: "utf8",
    });
    expect(stderr.trimEnd().split("\n")).toHaveLength(1);
    expect(stderr).toMatch(/^Flint's build needs a C\+\+ compiler, CMake, make or ninja, git\. Get it /);
    expect(status).toBe(2);
  },
);

test("an old Node is told what is needed", () => {
  const pretend = "Object.defineProperty(process.versions, 'node', { value: '18.20.0' });";
  const script = `${pretend} await import(${JSON.stringify(path.join(folder, "package.mjs"))});`;
  const { status, stderr } = spawnSync(process.execPath, ["--input-type=module", "--eval", script], {
    encoding: "utf8",
  });
  expect(stderr).toMatch(/^Flint needs Node \d+\.\d+ or newer; this is 18\.20\.0\./);
  expect(status).toBe(2);
});

test("npm run test:desktop says in one line that VS Code can't be fetched, and exits with 2", () => {
  // Nobody listens there.
  const proxy = "http://127.0.0.1:1";
  const env = { ...process.env, XDG_CACHE_HOME: empty, npm_config_https_proxy: proxy };
  const { status, stdout, stderr } = spawnSync(process.execPath, [path.join(folder, "test-desktop.mjs")], {
    env,
    encoding: "utf8",
  });
  expect(stdout).toBe("");
  expect(stderr.trimEnd().split("\n")).toHaveLength(1);
  expect(stderr).toContain("can't be fetched here (connect ECONNREFUSED 127.0.0.1:1)");
  expect(status).toBe(2);
});
