/** Downloads that end in the middle, because the disk is full or the process is killed. */
import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { inCheckout, start } from "../support/flint.js";
import { type HubServer, sha256, startHubServer } from "../support/hubServer.js";

const name = "model-Q4_K_M.gguf";
const content = Buffer.concat([Buffer.from("GGUF"), randomBytes(6_000_000)]);

let hub: HubServer;
let folder: string;

beforeEach(async () => {
  hub = await startHubServer({ [name]: content });
  process.env["HF_ENDPOINT"] = hub.endpoint;
  folder = await mkdtemp(path.join(tmpdir(), "flint-download-"));
});
afterEach(async () => {
  await hub.close();
  await rm(folder, { recursive: true, force: true });
});

describe("a full disk", () => {
  /** Runs the command on a disk of its own, of so many bytes, where this machine lets us make one. */
  const onSmallDisk = (bytes: number, script: string) =>
    promisify(execFile)("unshare", [
      ..."--user --map-root-user --mount sh -ec".split(" "),
      `mount -t tmpfs -o size=${bytes} none "$1"; ${script}`,
      "sh",
      folder,
      process.execPath,
      inCheckout("dist/flint.js"),
    ]);
  // Without progress, which is told where the machine has other things to do for seconds.
  const get = (reference: string) =>
    `{ "$2" "$3" download ${reference} --dir "$1" 2>&1 || echo "status $?"; } | sed '/^${name}: /d'`;

  const getModel = get("owner/model");

  test("is told before it starts, and goes on after room was made", async ({ skip }) => {
    try {
      await onSmallDisk(1_000_000, "true");
    } catch {
      skip("This machine lets nobody mount a disk.");
    }
    const { stdout: early } = await onSmallDisk(4_000_000, `${getModel}; find "$1" -name '*.gguf' -o -name '*.part'`);
    expect(early).toMatch(
      /^flint: Not enough disk space: 7 MB are still needed, \d MB are free in [^\n]+\nstatus 5\n$/,
    );
    expect(hub.requests).toHaveLength(0);

    let runs = 0;
    hub.apiStatus = (asked) => {
      if (asked.includes("/revision/")) runs += 1;
      return undefined;
    };
    // The first run ends early, by itself. Then somebody else's file takes the room.
    hub.fault = ({ index }) => (runs === 1 && index >= 3 ? { status: 404 } : undefined);
    const { stdout } = await onSmallDisk(
      8_000_000,
      `${getModel}; head -c 3000000 /dev/zero > "$1/other"; ${getModel}; rm "$1/other"; ${getModel}; sha256sum "$1/${name}"`,
    );
    const [gone, full, path, digest] = stdout.split(/\n(?!status)/);
    expect(gone).toMatch(/404.*\nstatus 5$/s);
    expect(full).toMatch(/^flint: Not enough disk space.*\nstatus 5$/s);
    expect(path).toContain(name);
    expect(digest).toContain(sha256(content));
  });

  test("stops a download of unknown length, and leaves no file", async ({ skip }) => {
    try {
      await onSmallDisk(1_000_000, "true");
    } catch {
      skip("This machine lets nobody mount a disk.");
    }
    hub.fault = () => ({ chunked: true });
    const getUnknown = get(`${hub.cdn}/${name}`);
    const { stdout } = await onSmallDisk(
      4_000_000,
      `${getUnknown}; ls "$1"; mount -o remount,size=16000000 "$1"; ${getUnknown}; sha256sum "$1/${name}" || true`,
    );
    expect(stdout).toMatch(/^flint: (The disk of \S+ is full|Not enough disk space)[^\n]*\nstatus 5\n\//);
    expect(stdout).toContain(sha256(content));
  });
});

describe("SIGKILL at a random moment", () => {
  const runs = Number(process.env["FLINT_KILL_RUNS"] ?? 12);
  test(
    `${runs} times: never a wrong file under the final name, and the next run goes on`,
    async () => {
      let killed = 0;
      let starts = 0;
      for (let run = 0; run < runs; run++) {
        const target = path.join(folder, String(run));
        for (let attempt = 0; ; attempt++) {
          starts += 1;
          const { process: child, ended } = start(["download", "owner/model", "--dir", target]);
          // From its first request on, anywhere in its life; the end is put off a little, or most would be over by then.
          let timer: NodeJS.Timeout | undefined;
          hub.fault = () => {
            if (attempt < 3) timer ??= setTimeout(() => child.kill("SIGKILL"), Math.random() * 120);
            return Math.random() < 0.1 && attempt < 3 ? { cutAfter: 300_000 } : undefined;
          };
          const { status, signal, stderr } = await ended;
          clearTimeout(timer);
          if (signal === "SIGKILL") killed += 1;
          const there = await readFile(path.join(target, name)).catch(() => undefined);
          if (there && !there.equals(content))
            throw new Error(`Run ${run} left a wrong file of ${there.length} bytes.`);
          if (status === 0) {
            expect(there).toBeDefined();
            break;
          }
          if (signal !== "SIGKILL") throw new Error(`Run ${run} failed: ${stderr}`);
        }
        // A lock that was about to be taken when its process died is swept up later.
        const left = (await readdir(path.join(target, ".flint"))).filter((entry) => !entry.includes(".lock."));
        expect(left).toEqual([`${name}.json`]);
        await rm(target, { recursive: true });
      }
      console.info(`${killed} of ${starts} processes were killed; all ${runs} downloads ended with the right bytes.`);
      expect(killed).toBeGreaterThan(0);
    },
    Math.max(600_000, runs * 10_000),
  );
});
