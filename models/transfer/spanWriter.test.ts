import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { newTransferState } from "../record.js";
import type { Hasher } from "./hasher.js";
import { PartFile } from "./partFile.js";
import { Slots, slotBytes } from "./slots.js";
import { SpanWriter } from "./spanWriter.js";

test.each([
  ["waits for a digest that is near", 0, 1],
  ["goes on without a digest that is far behind", -10, 0],
])("%s", async (_, hashedSlots, taken) => {
  const folder = await mkdtemp(path.join(tmpdir(), "flint-span-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  const start = 20 * slotBytes;
  const bytes = start + slotBytes;
  const state = { ...newTransferState(), bytes, claimed: bytes };
  const file = await PartFile.open(path.join(folder, "part"), state, () => async () => undefined);
  let takes = 0;
  const hasher: Hasher = {
    queued: start,
    hashed: start + hashedSlots * slotBytes,
    written: () => undefined,
    take: async () => {
      takes += 1;
    },
    finish: async () => "",
    dispose: () => undefined,
  };
  const span = { start, next: start, end: bytes };
  const slots = new Slots(5);
  const writer = new SpanWriter(span, { file, slots, hasher, front: () => span.next, onWritten: () => undefined });
  await writer.add(Buffer.alloc(slotBytes, 7));
  await writer.end();
  await file.close();
  expect(takes).toBe(taken);
  expect(span.next).toBe(bytes);
  expect((await readFile(path.join(folder, "part"))).subarray(start).every((byte) => byte === 7)).toBe(true);
});

test("memory that is not to be used is never handed out", async () => {
  const slots = new Slots(4);
  const first = slots.takeNow();
  slots.limit(2);
  slots.limit(2);
  expect(slots.takeNow()).toBeDefined();
  expect(slots.takeNow()).toBeUndefined();
  const next = slots.take();
  if (first) slots.give(first);
  expect(await next).toBe(first);
});
