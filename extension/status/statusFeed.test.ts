import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Emitter } from "vscode-jsonrpc";
import { noFlash, type Stats } from "../../protocol/messages.js";
import type { EngineStopped } from "../engine/errors.js";
import type { EngineState } from "../engine/state.js";
import { loaded, plan } from "../fixtures.js";
import { type ObservedEngine, StatusFeed } from "./statusFeed.js";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const statsWith = (warmingBytes: number, residentBytes: number): Stats => ({
  memory: { capBytes: 4e9, peakBytes: residentBytes, residentBytes },
  flash: noFlash,
  warmingBytes,
});

/** An engine that has just loaded a model; it is asked for `stats` in turn, and the last of them from then on. */
function setUp(stats: Stats[]) {
  const states = new Emitter<EngineState>();
  const asked = vi.fn(() => Promise.resolve(stats.length > 1 ? stats.shift() : stats[0]));
  const engine: ObservedEngine = {
    state: { kind: "loading" },
    loaded,
    plan,
    lastAnswer: undefined,
    crash: undefined,
    onDidChangeState: states.event,
    onDidCrash: new Emitter<EngineStopped>().event,
    stats: asked,
  };
  const shown: (number | undefined)[] = [];
  const feed = new StatusFeed(
    engine,
    () => undefined,
    (line) => expect.fail(line),
  );
  feed.onDidChange(({ stats }) => shown.push(stats?.memory.residentBytes));
  return { states, asked, shown, feed };
}

test("memory is followed while experts are read in the background, and no longer", async () => {
  const { states, asked, shown, feed } = setUp([statsWith(9, 1), statsWith(5, 2), statsWith(0, 3)]);
  states.fire({ kind: "ready" });
  await vi.advanceTimersByTimeAsync(10_000);
  expect(asked).toHaveBeenCalledTimes(3);
  expect(shown).toEqual([undefined, 1, 2, 3]);
  feed.dispose();
});

test("nobody is asked after it is disposed", async () => {
  const { states, asked, feed } = setUp([statsWith(9, 1)]);
  states.fire({ kind: "ready" });
  await vi.advanceTimersByTimeAsync(1500);
  expect(asked).toHaveBeenCalledTimes(2);
  // The third question is under way.
  vi.advanceTimersByTime(500);
  expect(asked).toHaveBeenCalledTimes(3);
  feed.dispose();
  await vi.advanceTimersByTimeAsync(10_000);
  expect(asked).toHaveBeenCalledTimes(3);
});
