import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { parseConfiguration, parseNetrc, pipConfiguration } from "./pip-configuration.js";

let home: string;
beforeEach(async () => {
  home = await mkdtemp(path.join(tmpdir(), "flint-pip-"));
  // Whoever asks for the home folder gets this one.
  vi.stubEnv("HOME", home);
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(home, { recursive: true });
});

const basic = (text: string) => `Basic ${Buffer.from(text).toString("base64")}`;
/** No file of this machine's counts. */
const nothing = { PIP_CONFIG_FILE: "/dev/null" };

async function write(name: string, text: string): Promise<string> {
  const file = path.join(home, name);
  await mkdir(path.dirname(file), { recursive: true });
  await writeFile(file, text);
  return file;
}

test("without any the public index is asked", async () => {
  const { indexes, authorization, proxy, trusted, own, trustsHost } = await pipConfiguration(nothing);
  expect(indexes).toEqual(["https://pypi.org/simple"]);
  expect(authorization(new URL("https://pypi.org/simple/a/"))).toBeUndefined();
  expect([proxy, trusted, own]).toEqual([undefined, undefined, undefined]);
  expect(trustsHost(new URL("https://pypi.org/"))).toBe(false);
});

test("files are read as Python's configparser reads them", () => {
  const text = `
# a comment
[global]
index-url = https://one.example/simple
Extra_Index_URL =
    https://two.example/simple
    ; in between
    https://three.example/simple
proxy: http://proxy.example:3128
timeout=60
[install]
no-index = true
`;
  const sections = parseConfiguration(text);
  expect(Object.fromEntries(sections.get("global") ?? [])).toEqual({
    "index-url": "https://one.example/simple",
    "extra-index-url": "https://two.example/simple\nhttps://three.example/simple",
    proxy: "http://proxy.example:3128",
    timeout: "60",
  });
  expect(sections.get("install")?.get("no-index")).toBe("true");
});

test("the environment comes before the virtual environment, that before the user's, and what is empty does not count", async () => {
  await write(".config/pip/pip.conf", "[global]\nindex-url = https://user.example/simple\nproxy = user.example:1\n");
  await write(
    "venv/pip.conf",
    "[global]\nindex-url = https://venv.example/simple/\n[download]\ntrusted-host = a b:8\n",
  );
  const environment = { VIRTUAL_ENV: path.join(home, "venv"), XDG_CONFIG_HOME: path.join(home, ".config") };
  const configured = await pipConfiguration({ ...environment, PIP_INDEX_URL: "" });
  expect(configured.indexes).toEqual(["https://venv.example/simple"]);
  expect(configured.proxy).toBe("http://user.example:1");
  expect(["https://a/", "https://b:8/", "https://b/"].map((url) => configured.trustsHost(new URL(url)))).toEqual([
    true,
    true,
    false,
  ]);
  const { indexes } = await pipConfiguration({ ...environment, PIP_INDEX_URL: "https://env.example/simple" });
  expect(indexes).toEqual(["https://env.example/simple"]);
});

test("a file that is chosen replaces the user's", async () => {
  await write(".config/pip/pip.conf", "[global]\nproxy = user.example:1\n");
  const chosen = await write("chosen.conf", "[global]\nindex-url = https://chosen.example/simple\n");
  const configured = await pipConfiguration({ PIP_CONFIG_FILE: chosen, XDG_CONFIG_HOME: path.join(home, ".config") });
  expect(configured).toMatchObject({ indexes: ["https://chosen.example/simple"], proxy: undefined });
});

test("credentials of an index are for its server only, and in no address", async () => {
  const { indexes, authorization } = await pipConfiguration({
    ...nothing,
    PIP_INDEX_URL: "https://me:p%40ss@index.example/simple",
    PIP_EXTRA_INDEX_URL: "https://other.example/simple",
  });
  expect(indexes).toEqual(["https://index.example/simple", "https://other.example/simple"]);
  const of = (url: string) => authorization(new URL(url));
  expect(of("https://index.example/files/a.whl")).toBe(basic("me:p@ss"));
  expect(of("https://other.example/simple/a/")).toBeUndefined();
  expect(of("http://index.example/simple/a/")).toBeUndefined();
});

test(".netrc knows hosts that the addresses say nothing of", async () => {
  const file = await write("netrc", "machine index.example login me password secret\n");
  const { authorization } = await pipConfiguration({ ...nothing, NETRC: file });
  expect(authorization(new URL("https://index.example/simple/"))).toBe(basic("me:secret"));
  expect(authorization(new URL("https://other.example/simple/"))).toBeUndefined();
});

test(".netrc may have comments, quotes, macros and a default", () => {
  const text = `# machine wrong login wrong password wrong
machine a.example
  login "me too" account x password "a \\"b\\""
macdef init
machine macro.example login no password no

machine a.example login second password second
default login anonymous password guest
`;
  expect(Object.fromEntries(parseNetrc(text))).toEqual({
    "a.example": basic('me too:a "b"'),
    "": basic("anonymous:guest"),
  });
});

test.each([
  [{ PIP_INDEX_URL: "ftp://index.example" }, /no http\(s\) address/],
  [{ PIP_INDEX_URL: "https://me:secret@" }, /no http\(s\) address/],
  [{ PIP_NO_INDEX: "true" }, /no-index/],
  [{ PIP_CERT: "/nowhere/ca.pem" }, /\/nowhere\/ca\.pem.*can't be read/],
])("%j is refused, without telling a password", async (environment, reason) => {
  const failure = await pipConfiguration({ ...nothing, ...environment }).catch((error: Error) => error);
  expect(failure).toMatchObject({ kind: "reference", message: expect.stringMatching(reason) });
  expect(String(failure)).not.toContain("secret");
});
