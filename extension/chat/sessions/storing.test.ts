import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { generationResult } from "../../fixtures.js";
import { newConversation, serialize } from "./conversation.js";
import type { Kept } from "./conversationFile.js";
import { LaterVersion } from "./conversationFolder.js";
import { ChatSession } from "./session.js";
import { sessionOptions } from "./sessionFixture.js";
import { StoredSession } from "./storing.js";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** A session whose file fails with `failure`, while that is one. */
function setUp() {
  const options = sessionOptions(async () => generationResult("Because."));
  const session = new ChatSession(newConversation("a"), options);
  const disk: { failure: Error | undefined; written: string[] } = { failure: undefined, written: [] };
  const file = {
    path: "/storage/a.json",
    write: async ({ conversation }: Kept) => {
      if (disk.failure) throw disk.failure;
      disk.written.push(serialize(conversation));
    },
    refresh: async () => undefined,
    delete: async () => undefined,
  };
  const log: string[] = [];
  const stored = new StoredSession(session, file, (line) => log.push(line));
  const told: (string | undefined)[] = [];
  stored.onDidChangeProblem(() => told.push(stored.problem?.message));
  return { session, stored, disk, log, told };
}
const full = () => Object.assign(new Error("ENOSPC: no space left on device, write"), { code: "ENOSPC" });

test("that the disk is full is told once, with what to do, and no more when it works again", async () => {
  const { session, stored, disk, log, told } = setUp();
  disk.failure = full();
  await session.ask("Why?");
  await session.ask("Why not?");
  await stored.store();
  const words = "The disk is full: this conversation is not stored. Free some space where /storage/a.json is;";
  expect(told).toEqual([expect.stringContaining(words)]);
  expect(stored.problem?.actions.map(({ action }) => action.kind)).toEqual(["storeAgain", "exportChat"]);
  expect(log).toHaveLength(1);
  disk.failure = undefined;
  // By itself: nobody says or asks anything.
  await vi.advanceTimersByTimeAsync(5000);
  expect(stored.problem).toBeUndefined();
  expect(told).toHaveLength(2);
  expect(disk.written.at(-1)).toContain("Why not?");
  stored.dispose();
});

test("what a later version of Flint stores is not tried again", async () => {
  const { stored, disk, told } = setUp();
  disk.failure = new LaterVersion();
  await stored.store();
  expect(told).toEqual([expect.stringMatching(/^A later version of Flint has written this conversation/)]);
  disk.failure = undefined;
  await vi.advanceTimersByTimeAsync(60_000);
  expect(disk.written).toEqual([]);
  stored.dispose();
});
