import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { hostname, tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { WindowPlace } from "./windowPlace.js";

let storage: string;
let places: WindowPlace[];
beforeEach(async () => {
  storage = await mkdtemp(path.join(tmpdir(), "flint-windows-"));
  places = [];
});
afterEach(async () => {
  for (const place of places) await place.release();
  await rm(storage, { recursive: true });
});

async function take(before?: number): Promise<WindowPlace> {
  const place = await WindowPlace.take(storage, before, () => undefined);
  places.push(place);
  return place;
}

test("each window has files of its own, and the next one takes those of one that was closed", async () => {
  const first = await take();
  const second = await take();
  expect(first.file("panel")).toBe(path.join(storage, "panel.json"));
  expect(second.file("panel")).toBe(path.join(storage, "panel-2.json"));
  await first.release();
  expect((await take()).number).toBe(1);
});

test("a window that is reloaded has its place again, also where what it was before is slow to end", async () => {
  const first = await take();
  const second = await take();
  await first.release();
  setTimeout(() => void second.release(), 300);
  expect((await take(2)).number).toBe(2);
});

test("a window that crashed keeps nobody from its place", async () => {
  // No process has this id.
  const lock = JSON.stringify({ pid: 2 ** 22 + 1, host: hostname(), id: "a" });
  await writeFile(path.join(storage, "window-1.lock"), lock);
  expect((await take()).number).toBe(1);
});

test("a conversation is shown elsewhere while a window that shows it is open", async () => {
  const first = await take();
  const second = await take();
  await writeFile(first.file("panel"), JSON.stringify({ version: 1, conversation: "a", drafts: {} }));
  expect(await second.isShownElsewhere("a")).toBe(true);
  expect(await second.isShownElsewhere("b")).toBe(false);
  expect(await first.isShownElsewhere("a")).toBe(false);
  await first.release();
  expect(await second.isShownElsewhere("a")).toBe(false);
});

test("where no lock can be made there is one place, and the log tells", async () => {
  const said: string[] = [];
  const file = path.join(storage, "file");
  await writeFile(file, "");
  const place = await WindowPlace.take(file, undefined, (line) => said.push(line));
  expect(place.number).toBe(1);
  expect(said.join()).toContain("Windows can't be told apart");
});
