/** Downloads from a server with every fault that networks have. What is at stake: a file's name is a promise. */
import { randomBytes } from "node:crypto";
import { mkdtemp, readdir, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type DownloadProgress, doneBytes, download } from "../../models/download.js";
import type { DownloadError, DownloadErrorKind } from "../../models/errors.js";
import { Model, workFolder } from "../../models/library/model.js";
import { parseReference, type Reference } from "../../models/sources/reference.js";
import { preferredCandidate, Sources } from "../../models/sources/source.js";
import type { Patience } from "../../models/transfer/http.js";
import { nodeHttp } from "../../models/transfer/nodeHttp.js";
import { type CdnRequest, type Fault, type HubServer, startHubServer } from "../support/hubServer.js";
import { refusalOf } from "../support/refusal.js";

const name = "model-Q4_K_M.gguf";
const content = Buffer.concat([Buffer.from("GGUF"), randomBytes(6_000_000)]);
/** Nothing passes or fails by how fast this machine is: a stall is told from slowness in one test only, patiently. */
const usualPatience: Patience = { attempts: 4, firstPauseMs: 1, stallMs: 60_000 };

/** Who carries the bytes: fetch, as in VS Code, or Node's client, as on the terminal. */
const clients: { name: string; client?: typeof nodeHttp }[] = [
  { name: "fetch" },
  { name: "Node's client", client: nodeHttp },
];

let hub: HubServer;
let folder: string;
let http: typeof nodeHttp | undefined;

beforeEach(async () => {
  hub = await startHubServer({ [name]: content });
  process.env["HF_ENDPOINT"] = hub.endpoint;
  process.env["HF_TOKEN"] = "secret";
  folder = await mkdtemp(path.join(tmpdir(), "flint-download-"));
});
afterEach(async () => {
  http = undefined;
  await hub.close();
  await rm(folder, { recursive: true, force: true });
});

const remote = (text: string): Exclude<Reference, { kind: "file" }> => {
  const reference = parseReference(text, { hubUrl: hub.endpoint, folder });
  if (reference.kind === "file") throw new Error(`${text} is local`);
  return reference;
};

interface Run {
  reference?: string;
  signal?: AbortSignal;
  onProgress?: (progress: DownloadProgress) => void;
  patience?: Patience;
}

async function fetchModel({
  reference = "owner/model",
  signal = new AbortController().signal,
  onProgress,
  patience = usualPatience,
}: Run = {}) {
  const sources = new Sources({ fetch: globalThis.fetch, http });
  const candidate = preferredCandidate((await sources.find(remote(reference), signal)).candidates);
  if (!candidate) throw new Error("nothing found");
  return download(candidate.record, {
    folder,
    signal,
    patience,
    // The others join at once, or so small a file would come over one connection.
    aloneMs: 1,
    http: (client) => sources.http(client),
    ...(onProgress ? { onProgress } : {}),
  });
}

const saved = (file = name) => readFile(path.join(folder, file));
const finalNames = async () => (await readdir(folder)).filter((entry) => entry !== ".flint");

/** What is refused leaves no file under the final name. */
async function expectRefused(kind: DownloadErrorKind, run: Promise<unknown>): Promise<DownloadError> {
  const error = await refusalOf(kind, run);
  expect(await finalNames()).toEqual([]);
  return error;
}

/** The fault strikes each of the first requests for data, not the one that asks for the length. */
const first =
  (count: number, fault: (request: CdnRequest) => Fault) =>
  (request: CdnRequest): Fault | undefined =>
    request.index >= 1 && request.index <= count ? fault(request) : undefined;

/** Downloads a part, and stops. @returns how many bytes are kept */
async function interrupt(reference?: string, afterBytes = 2_000_000): Promise<number> {
  const { fault } = hub;
  // However fast all else comes: its last byte does not before it is stopped.
  const withhold = ({ range }: CdnRequest): Fault | undefined => {
    const { start, end } = range ?? { start: 0, end: content.length };
    return end >= content.length && end - start > 1 ? { stallAfter: end - start - 1 } : undefined;
  };
  if (afterBytes < content.length) hub.fault = (request) => fault(request) ?? withhold(request);
  const stop = new AbortController();
  const onProgress = ({ doneBytes }: DownloadProgress) => {
    if (doneBytes >= afterBytes) stop.abort();
  };
  const run = fetchModel({ signal: stop.signal, onProgress, ...(reference === undefined ? {} : { reference }) });
  await expect(run).rejects.toMatchObject({ name: "AbortError" });
  hub.fault = fault;
  expect(await finalNames()).toEqual([]);
  const record = await new Model(folder, name).readRecord();
  if (!record) throw new Error("Nothing was kept.");
  return doneBytes(record);
}

describe.each(clients)("a download with $name", ({ client }) => {
  beforeEach(() => {
    http = client;
  });
  test("ends with the right bytes, by ranges, and shows the token to the Hub only", async () => {
    const record = await fetchModel();
    expect((await saved()).equals(content)).toBe(true);
    expect(record.licence).toBe("apache-2.0");
    expect(await readdir(workFolder(folder))).toEqual([`${name}.json`]);
    expect(hub.requests.length).toBeGreaterThan(3);
    expect(new Set(hub.tokens.hub)).toEqual(new Set(["Bearer secret"]));
    expect(hub.tokens.cdn).toEqual([]);
  });

  test("goes on where it stopped, with If-Range, and asks for nothing twice", async () => {
    const kept = await interrupt();
    expect(kept).toBeGreaterThan(0);
    const before = hub.requests.length;
    await fetchModel();
    expect((await saved()).equals(content)).toBe(true);
    const later = hub.requests.slice(before);
    expect(later.every(({ request }) => /^"/.test(String(request.headers["if-range"])))).toBe(true);
    const asked = later.reduce((sum, { range }) => sum + (range ? range.end - range.start : content.length), 0);
    expect(asked).toBe(content.length - kept);
  });

  test("keeps all of it when it is stopped as the last bytes are written", async () => {
    expect(await interrupt(undefined, content.length)).toBe(content.length);
  });

  test("of what is there already only looks at it", async () => {
    await fetchModel();
    const before = hub.requests.length;
    await rm(workFolder(folder), { recursive: true });
    await fetchModel();
    expect(hub.requests.length).toBe(before);
  });

  test("leaves alone what is there by the same name and is something else", async () => {
    await writeFile(path.join(folder, name), "mine");
    await expect(fetchModel()).rejects.toMatchObject({ kind: "damaged" });
    expect(`${await saved()}`).toBe("mine");
  });

  test("is refused to a second window while the first is at it", async () => {
    let second: Promise<unknown> | undefined;
    const onProgress = () => {
      second ??= fetchModel().then(
        () => "ran",
        ({ kind }: DownloadError) => kind,
      );
    };
    await fetchModel({ onProgress });
    expect(await second).toBe("busy");
  });

  test("starts over when somebody has removed or changed what was kept", async () => {
    await interrupt();
    await rm(new Model(folder, name).partPath(0));
    await interrupt();
    await truncate(new Model(folder, name).partPath(0), 1000);
    await fetchModel();
    expect((await saved()).equals(content)).toBe(true);
  });
});

describe.each(clients)("with $name survives", ({ client }) => {
  beforeEach(() => {
    http = client;
  });
  const survived = async (run: Run = {}) => {
    await fetchModel(run);
    expect((await saved()).equals(content)).toBe(true);
  };

  test("connections that are cut at random", async () => {
    hub.fault = first(30, ({ range }) => ({
      cutAfter: Math.floor(Math.random() * ((range?.end ?? 0) - (range?.start ?? 0))),
    }));
    // A cut may lose what was sent before it: any number of them may come without a byte in between.
    await survived({ patience: { ...usualPatience, attempts: 1000 } });
  });
  test("stalls", async () => {
    hub.fault = first(4, () => ({ stallAfter: 100_000 }));
    await survived({ patience: { ...usualPatience, attempts: 1000, stallMs: 300 } });
  });
  test("a slow line, and tells of every little that comes", async () => {
    hub.fault = ({ range }) => (range && range.end - range.start > 1 ? { pauseAfter: 100_000 } : undefined);
    const told: number[] = [];
    await survived({ onProgress: ({ doneBytes }) => void told.push(doneBytes) });
    expect(told.find((bytes) => bytes > 0)).toBeLessThan(1 << 20);
  });
  test("500, 503 and 429, and waits as long as it is told", async () => {
    const times: number[] = [];
    hub.fault = (request) => {
      times.push(performance.now());
      if (request.index === 0) return { status: 429, headers: { "retry-after": "1" } };
      return first(2, ({ index }) => ({ status: index === 1 ? 500 : 503 }))(request);
    };
    await survived();
    expect((times[1] ?? 0) - (times[0] ?? 0)).toBeGreaterThan(950);
  });
  test("a range that is answered with the whole file", async () => {
    hub.fault = first(1, () => ({ ignoreRange: true }));
    await survived();
  });
  test("a server without ranges", async () => {
    hub.fault = () => ({ ignoreRange: true });
    await survived();
  });
  test("a body without a length", async () => {
    hub.fault = () => ({ chunked: true });
    await survived();
  });
  test("a server without ranges that cuts once", async () => {
    hub.fault = ({ index }) => ({ ignoreRange: true, ...(index === 1 ? { cutAfter: 3_000_000 } : {}) });
    await survived();
  });
  test("416", async () => {
    hub.fault = first(1, () => ({ status: 416 }));
    await survived();
  });
  test("an ETag that changes while it is fetched", async () => {
    hub.fault = ({ index }) => (index === 2 ? { etag: '"other"' } : undefined);
    await survived();
  });
  test("wrong bytes, once", async () => {
    const wrong = Buffer.from(content);
    wrong.fill(0, 5_000_000);
    hub.fault = first(10, () => ({ body: wrong }));
    await survived();
  });
  test("an address of the CDN that expires", async () => {
    const expired = { status: 403 };
    hub.fault = ({ index }) => (index === 3 ? expired : undefined);
    await survived();
  });
});

describe.each(clients)("with $name refuses", ({ client }) => {
  beforeEach(() => {
    http = client;
  });
  test("bytes that stay wrong", async () => {
    const wrong = Buffer.from(content);
    wrong.fill(0, 1000, 2000);
    hub.fault = () => ({ body: wrong });
    await expectRefused("damaged", fetchModel());
  });
  test.each([
    ["more", Buffer.concat([content, content])],
    ["less", content.subarray(0, 5_000_000)],
  ])("a length other than the Hub's: %s", async (_, body) => {
    hub.fault = () => ({ body });
    const { message } = await expectRefused("damaged", fetchModel());
    expect(message).toContain(String(content.length));
  });
  test("a body that is longer than it said", async () => {
    hub.fault = () => ({ chunked: true, body: Buffer.concat([content, content]) });
    await expectRefused("damaged", fetchModel());
  });
  test("a file that keeps changing", async () => {
    hub.fault = ({ index }) => ({ etag: `"${index}"` });
    await expectRefused("network", fetchModel());
  });
  test("an answer whose header is 200 MB long, at once", async () => {
    hub.fault = () => ({ headerBytes: 200 << 20 });
    const { message } = await expectRefused("network", fetchModel());
    expect(message).toContain("a header that is too long");
    expect(hub.requests).toHaveLength(1);
  });
  test("redirects in circles", async () => {
    hub.fault = () => ({ redirectTo: `${hub.cdn}/${name}` });
    const { message } = await expectRefused("network", fetchModel());
    expect(message).toContain("circles");
  });
  test("to wait for ever: keeps what came, and goes on later", async () => {
    hub.fault = ({ index }) => (index > 2 ? { status: 500 } : undefined);
    await expectRefused("network", fetchModel());
    const record = await new Model(folder, name).readRecord();
    expect(record && doneBytes(record)).toBeGreaterThan(0);
    hub.fault = () => undefined;
    await fetchModel();
    expect((await saved()).equals(content)).toBe(true);
  });
  test("a Retry-After of an hour", async () => {
    hub.fault = () => ({ status: 429, headers: { "retry-after": "3600" } });
    await expectRefused("network", fetchModel());
  });
  test.each([401, 403])("a gated model (%i), saying what to do", async (status) => {
    hub.apiStatus = (path) => (path.includes("/resolve/") ? status : undefined);
    hub.gated = true;
    const { message } = await expectRefused("gated", fetchModel());
    expect(message).toMatch(/licence.*token/);
  });
  test("a repository that is not there", async () => {
    await expectRefused("notFound", fetchModel({ reference: "owner/other" }));
  });
  test("a quantization that is not there, naming those that are", async () => {
    const { message } = await expectRefused("notFound", fetchModel({ reference: "owner/model:Q2_K" }));
    expect(message).toContain("Q4_K_M");
  });
  test("a server that is not there", async () => {
    process.env["HF_ENDPOINT"] = "http://127.0.0.1:1";
    await expectRefused("network", fetchModel());
  });
});

describe("an address without a digest", () => {
  test("is joined of one version only", async () => {
    const reference = `${hub.cdn}/${name}`;
    await interrupt(reference);
    const other = Buffer.from(content).reverse();
    hub.fault = () => ({ body: other, etag: '"other"' });
    await fetchModel({ reference });
    expect((await saved()).equals(other)).toBe(true);
  });
  test("without anything to tell versions apart is fetched in one piece", async () => {
    const headers = { etag: "W/weak" };
    hub.fault = () => ({ headers });
    await fetchModel({ reference: `${hub.cdn}/${name}` });
    expect((await saved()).equals(content)).toBe(true);
    expect(hub.requests).toHaveLength(2);
  });
});

test("names from a server stay in the folder", async () => {
  await hub.close();
  const files = Object.fromEntries(
    [
      "../up-Q2_K.gguf",
      "a/../../b-Q3_K.gguf",
      "/etc/abs-Q4_0.gguf",
      "CON.gguf",
      "..\\win-Q5_0.gguf",
      "a:b-Q6_K.gguf",
    ].map((file) => [file, content.subarray(0, 100)]),
  );
  hub = await startHubServer(files);
  process.env["HF_ENDPOINT"] = hub.endpoint;
  const found = await new Sources({ fetch }).find(remote("owner/model"), new AbortController().signal);
  expect(found.candidates.map((candidate) => candidate.name).sort()).toEqual(
    ["abs-Q4_0.gguf", "a_b-Q6_K.gguf", "b-Q3_K.gguf", "CON_.gguf", "up-Q2_K.gguf", "win-Q5_0.gguf"].sort(),
  );
});

test("all parts of a split model come, in their order", async () => {
  await hub.close();
  const parts = [1, 2, 3].map((index) => [`big-Q8_0-0000${index}-of-00003.gguf`, randomBytes(10_000 * index)] as const);
  hub = await startHubServer(Object.fromEntries(parts));
  process.env["HF_ENDPOINT"] = hub.endpoint;
  const record = await fetchModel({ reference: "owner/model:Q8_0" });
  expect(record.files.map((file) => file.name)).toEqual(parts.map(([file]) => file));
  for (const [file, bytes] of parts) expect((await saved(file)).equals(bytes)).toBe(true);
});
