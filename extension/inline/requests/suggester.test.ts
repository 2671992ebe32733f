import { expect, test, vi } from "vitest";
import { CancellationToken, CancellationTokenSource } from "vscode-jsonrpc";
import type { CompletionRequest } from "../../backends/backend.js";
import { withResolvers } from "../../fixtures.js";
import { at } from "../filters/golden.js";
import { Suggester } from "./suggester.js";

interface Asked {
  request: CompletionRequest;
  cancelled(): boolean;
  say(text: string): void;
  /** The model stops. */
  stop(): void;
}

/** A suggester whose model says what the test lets it say. */
function setUp() {
  const asked: Asked[] = [];
  const backend = {
    canComplete: true,
    isAnswering: false,
    capabilities: { infill: true },
    complete(request: CompletionRequest, token: CancellationToken, onText: (text: string) => void = () => undefined) {
      const { promise, resolve } = withResolvers<{ text: string; finishReason: "stop" | "cancelled" }>();
      let text = "";
      token.onCancellationRequested(() => resolve({ text, finishReason: "cancelled" }));
      asked.push({
        request,
        cancelled: () => token.isCancellationRequested,
        say: (more) => {
          text += more;
          onText(more);
        },
        stop: () => resolve({ text, finishReason: "stop" }),
      });
      return promise;
    },
  };
  const suggester = new Suggester({ backend, log: () => undefined });
  const place = (marked: string) => ({ file: "a.ts", path: "a.ts", files: [], explicit: false, cursor: at(marked) });
  const suggest = (marked: string, token = CancellationToken.None) => suggester.suggest(place(marked), token);
  const nth = async (count: number) => {
    await vi.waitFor(() => expect(asked).toHaveLength(count));
    const latest = asked[count - 1];
    if (!latest) throw new Error("Nothing was asked.");
    return latest;
  };
  return { suggester, suggest, place, asked, nth };
}

test("a line is shown as soon as it is whole, and the next ones are there when it is accepted", async () => {
  const { suggest, asked, nth } = setUp();
  const shown = suggest("a = |\nend");
  const model = await nth(1);
  model.say("one(");
  model.say("2)\ntwo");
  expect(await shown).toBe("one(2)");
  expect(model.cancelled()).toBe(false);
  model.say("(3)\nthree(4)");
  expect(model.cancelled()).toBe(true);
  expect(await suggest("a = one(2)|\nend")).toBe("\ntwo(3)");
  expect(asked).toHaveLength(1);
});

test("typing along, going back and coming again ask for nothing", async () => {
  const { suggest, asked, nth } = setUp();
  const shown = suggest("a = |\nend");
  const model = await nth(1);
  model.say("one(2)");
  model.stop();
  expect(await shown).toBe("one(2)");
  expect(await suggest("a = o|\nend")).toBe("ne(2)");
  expect(await suggest("a = one(|)\nend")).toBe("2");
  expect(await suggest("a = |\nend")).toBe("one(2)");
  expect(asked).toHaveLength(1);
});

test("a request is joined while what is typed fits it, and ends at once when it does not", async () => {
  const { suggester, suggest, place, asked, nth } = setUp();
  void suggest("a = |\nend");
  const model = await nth(1);
  model.say("one");
  suggester.typed(place("a = on|\nend"));
  expect(model.cancelled()).toBe(false);
  const joined = suggest("a = on|\nend");
  model.say("(2)\n");
  expect(await joined).toBe("e(2)");
  suggester.typed(place("a = x|\nend"));
  expect(model.cancelled()).toBe(true);
  void suggest("a = x|\nend");
  await nth(2);
  expect(asked.filter(({ cancelled }) => !cancelled())).toHaveLength(1);
});

test("a request that was joined and says something else is followed by another", async () => {
  const { suggest, nth } = setUp();
  void suggest("a = |\nend");
  const first = await nth(1);
  const shown = suggest("a = x|\nend");
  first.say("one");
  const second = await nth(2);
  expect(second.request.prefix).toBe("a = x");
  second.say("y\n");
  expect(await shown).toBe("y");
});

test("no more than one request runs", async () => {
  const { suggest, asked, nth } = setUp();
  void suggest("a = |\nend");
  await nth(1);
  void suggest("b = |\nend");
  await nth(2);
  expect(asked.map(({ cancelled }) => cancelled())).toEqual([true, false]);
});

test("what nobody waits for any more is not shown", async () => {
  const { suggest, nth } = setUp();
  const source = new CancellationTokenSource();
  const shown = suggest("a = |\nend", source.token);
  const model = await nth(1);
  source.cancel();
  expect(await shown).toBeUndefined();
  // Its text is of use if the person comes back.
  model.say("one\n");
  expect(await suggest("a = |\nend")).toBe("one");
});

test("that there is nothing to suggest is not asked again", async () => {
  const { suggest, asked, nth } = setUp();
  const shown = suggest("a = |\nend");
  (await nth(1)).stop();
  expect(await shown).toBeUndefined();
  expect(await suggest("a = |\nend")).toBeUndefined();
  expect(asked).toHaveLength(1);
});

test("what follows the cursor is the same for each key, also where the editor closes a bracket", async () => {
  const { suggest, nth } = setUp();
  const texts = ["x\na|\nend", "x\na.|\nend", "x\na.b(|)\nend", "x\na.b(c|)\nend"];
  const requests: CompletionRequest[] = [];
  for (const [i, text] of texts.entries()) {
    void suggest(text);
    const model = await nth(i + 1);
    model.say("something else");
    requests.push(model.request);
  }
  expect(requests.map(({ suffix }) => suffix)).toEqual(texts.map(() => "\nend"));
  expect(requests.map(({ prefix }) => prefix)).toEqual(["x\na", "x\na.", "x\na.b(", "x\na.b(c"]);
});

test("a block is written to its end", async () => {
  const { suggest, nth } = setUp();
  const shown = suggest("if a:\n    |\n");
  const model = await nth(1);
  model.say("b()\n    c()\n\nd");
  expect(await shown).toBe("b()\n    c()");
  expect(model.cancelled()).toBe(true);
});

test("blanks before the cursor are left to the model, which says them again or not", async () => {
  const { suggest, nth } = setUp();
  const shown = suggest("x\nreturn |\nend");
  const model = await nth(1);
  expect(model.request).toMatchObject({ prefix: "x\nreturn", typing: true });
  model.say(" ");
  model.say("one\n");
  expect(await shown).toBe("one");
  const indented = suggest("if a:\n    b()\n    |\nend");
  const second = await nth(2);
  expect(second.request.prefix).toBe("if a:\n    b()\n");
  second.say("    c()\n\n");
  expect(await indented).toBe("c()");
  const without = suggest("x\ny = |\nend");
  const third = await nth(3);
  third.say("1\n");
  expect(await without).toBe("1");
});
