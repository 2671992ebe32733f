/** What the chat panel makes of an answer, in a real browser: right, harmless, and without holding up the page. */
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import type { AssistantMessage, ShownMessage } from "../../webview/messages.js";
import { openPanelPage, type PanelPage } from "../support/panelPage.js";

let panel: PanelPage;

beforeAll(async () => {
  panel = await openPanelPage();
});
afterEach(() => panel.show([]));
afterAll(() => panel?.close());

let count = 0;
function conversation(
  text: string,
  state: AssistantMessage["state"] = "done",
  id = `answer ${count++}`,
): ShownMessage[] {
  return [
    { id: `question of ${id}`, role: "user", text: "Why?", attachments: [] },
    { id, role: "assistant", state, text },
  ];
}

const answer = () => panel.page.locator("[data-role=assistant]").last();

/** Shows an answer and waits until all of it is drawn. */
async function show(text: string, end = "the end"): Promise<void> {
  await panel.show(conversation(`${text}\n\n${end}`));
  await answer().getByText(end, { exact: true }).waitFor();
}

test("formulas keep their backslashes, columns their alignment, and cells their line breaks", async () => {
  await show("A \\(x^2_a_\\) and \\[y\\] b\n\n| a | b | c |\n|:--|:-:|--:|\n| 1<br>2 | `x` | 3 |");
  expect(await answer().locator("p").first().textContent()).toBe("A \\(x^2_a_\\) and \\[y\\] b");
  const aligned = (name: string) =>
    answer()
      .getByRole("cell", { name, exact: true })
      .evaluate((cell) => getComputedStyle(cell).textAlign);
  expect(await aligned("3")).toBe("end");
  expect(await answer().locator("td br").count()).toBe(1);
  expect(
    await answer()
      .getByRole("columnheader", { name: "b" })
      .evaluate((cell) => getComputedStyle(cell).textAlign),
  ).toBe("center");
});

test("code has its buttons, and they send the code as it is", async () => {
  const code = "rm -rf \u202Ebuild\necho done\n";
  await show(`\`\`\`sh scripts/clean.sh\n${code}\`\`\``);
  for (const name of ["Copy code", "Insert at cursor", "Apply to file", "New file", "Run in terminal"]) {
    await answer().getByRole("button", { name, exact: true }).click();
  }
  const about = { text: code, language: "sh", path: "scripts/clean.sh" };
  expect((await panel.sent()).slice(-5)).toEqual([
    { type: "copy", text: code },
    { type: "insert", text: code },
    { type: "apply", ...about },
    { type: "newFile", ...about },
    { type: "runInTerminal", text: code },
  ]);
});

test("code that is still being written has no buttons yet", async () => {
  const buttons = () => answer().locator(".code-block").getByRole("button").count();
  for (const [open, ended] of [
    ["```js\nfirst(", "```js\nfirst();\n```\n"],
    ["- item\n\n  ```js\n  first(", "- item\n\n  ```js\n  first();\n  ```\n\nend"],
  ] as const) {
    await panel.show(conversation(open, "streaming", "growing"));
    await answer().getByText("first(").waitFor();
    expect(await buttons()).toBe(0);
    await panel.show(conversation(ended, "streaming", "growing"));
    await expect.poll(buttons).toBe(5);
    // What a stop left is all that there will be.
    await panel.show(conversation(open, "streaming", "stopped"));
    await answer().getByText("first(").waitFor();
    await panel.show(conversation(open, "stopped", "stopped"));
    await expect.poll(buttons).toBe(5);
    await panel.show([]);
  }
});

test("characters that turn text around are shown and do nothing", async () => {
  await show("Look: \u202Eabc\u202C and `\u2066x\u2069`\n\n```js\nconst a = '\u202Eb';\n```");
  expect(await answer().locator(".bidi").allTextContents()).toEqual([
    "[U+202E]",
    "[U+202C]",
    "[U+2066]",
    "[U+2069]",
    "[U+202E]",
  ]);
  expect(await answer().textContent()).not.toMatch(/[\u202A-\u202E\u2066-\u2069]/);
});

test("an answer that grows is drawn like one that comes at once, and leaves its finished blocks alone", async () => {
  const text =
    "First *one*.\n\n- a\n- b\n\n  more\n\n1. c\n\n2. d\n\n```js\nlet a = 1;\n\n// two\n```\n\n| a | b |\n|---|--:|\n| 1 | 2 |\n\n> quote\n\nLast";
  await panel.show(conversation(text));
  await answer().getByText("Last").waitFor();
  const whole = await answer().locator(".body").innerHTML();
  await panel.show(conversation("", "streaming", "growing"));
  await panel.send({ type: "text", id: "growing", text: text.slice(0, 30) });
  await answer().locator("p").first().waitFor();
  await answer()
    .locator("p")
    .first()
    .evaluate((node) => node.setAttribute("data-first", ""));
  for (let at = 30; at < text.length; at += 3)
    await panel.send({ type: "text", id: "growing", text: text.slice(at, at + 3) });
  await panel.show(conversation(text, "done", "growing"));
  await answer().getByText("Last").waitFor();
  expect(await answer().locator("[data-first]").count()).toBe(1);
  expect((await answer().locator(".body").innerHTML()).replace(' data-first=""', "")).toBe(whole);
});

test("sentences are told when they have ended, not each token", async () => {
  await panel.show(conversation("", "streaming", "spoken"));
  for (const piece of ["Hello ", "**you**", ". This ", "goes\n\n```ts\na\n", "b\n```\n"])
    await panel.send({ type: "text", id: "spoken", text: piece });
  const said = () => panel.page.locator(".unseen[role=log] p").allTextContents();
  await expect.poll(said).toEqual(["Hello you.", "This goes", "Code, 2 lines."]);
  expect(await panel.page.locator(".transcript").getAttribute("aria-live")).toBe("off");
});

test("a thought grows beside its answer, and is told by its time and tokens", async () => {
  await panel.show(conversation("", "streaming", "thinking"));
  const more = (text: string, tokens: number, durationMs: number) =>
    panel.send({ type: "thought", id: "thinking", text, tokens, durationMs });
  await more("First\nI ", 3, 600);
  await more("look.", 1200, 12_300);
  const thought = answer().locator(".thought");
  expect(await thought.locator("summary").textContent()).toBe("Thinking: 12 s, 1,200 tokens");
  expect(await thought.locator(".text").textContent()).toBe("First\nI look.");
  await answer().getByRole("button", { name: "Answer now" }).click();
  expect((await panel.sent()).at(-1)).toEqual({ type: "answerNow", sessionId: "test" });
  expect(await answer().getByRole("button", { name: "Answer now" }).count()).toBe(0);
  await panel.send({ type: "text", id: "thinking", text: "Yes." });
  await answer().getByText("Yes.").waitFor();
  expect(await thought.locator("summary").textContent()).toBe("Thought for 12 s, 1,200 tokens");
  const [question, said] = conversation("Yes.", "done", "thinking");
  const thoughtOf = { text: "First\nI look.", tokens: 1200, durationMs: 12_300 };
  await panel.show([question, { ...said, thought: thoughtOf }] as ShownMessage[]);
  expect(await thought.locator(".text").textContent()).toBe("First\nI look.");
  expect(await thought.count()).toBe(1);
});

test("a line tells which messages the model does not see any more", async () => {
  const [first, second] = [conversation("One"), conversation("Two")];
  const last = second.at(-1);
  if (last?.role === "assistant") last.seenFrom = second[0]?.id;
  await panel.show([...first, ...second]);
  const cut = panel.page.locator(".cut");
  const words = "The context is full: the model does not see the messages above.";
  await panel.page.locator("[data-role=user]").nth(1).getByText(words).waitFor();
  // While the next answer is written, and when what is above has something attached.
  const attached = { label: "a.ts", name: "a.ts", firstLine: 1, language: "typescript", text: "a" };
  const [question] = first;
  const kept = question?.role === "user" ? { ...question, attachments: [attached] } : undefined;
  await panel.show([...(kept ? [kept] : []), ...first.slice(1), ...second, ...conversation("", "streaming")]);
  expect(await cut.textContent()).toBe(
    "The context is full: of the messages above, the model sees only those with attachments.",
  );
  // Where the question that is being written will have it, when that is known.
  const meter = { promptTokens: 50, contextTokens: 100 };
  await panel.send({ type: "context", chips: [], meter: { ...meter, seenFrom: first[1]?.id } });
  await answer().first().waitFor();
  expect(await panel.page.locator("[data-role=assistant]").first().locator(".cut").count()).toBe(1);
  await panel.send({ type: "context", chips: [], meter });
  expect(await cut.count()).toBe(0);
  await panel.send({ type: "context", chips: [] });
  expect(await cut.count()).toBe(1);
  await panel.show(first);
  expect(await cut.count()).toBe(0);
});

test("that a conversation is not stored is told, with what can be done", async () => {
  const message = "The disk is full: this conversation is not stored.";
  const actions = [{ label: "Export as Markdown…", action: { kind: "exportChat" as const } }];
  const messages = conversation("Yes.");
  const about = { type: "conversation" as const, sessionId: "test", queue: [], canUndo: false, messages };
  await panel.send({ ...about, notice: { message, actions } });
  const told = panel.page.getByRole("alert").filter({ hasText: message });
  await told.getByRole("button", { name: "Export as Markdown…" }).click();
  expect((await panel.sent()).at(-1)).toEqual({ type: "act", action: { kind: "exportChat" } });
  await panel.send(about);
  await told.waitFor({ state: "detached" });
});

test.each([
  ["the system", async () => panel.page.emulateMedia({ reducedMotion: "reduce" })],
  ["VS Code", async () => panel.page.evaluate(() => document.body.classList.add("vscode-reduce-motion"))],
])("nothing moves where %s is told to reduce motion", async (_, reduce) => {
  const moving = () =>
    panel.page.evaluate(() => document.getAnimations().filter(({ playState }) => playState === "running").length);
  await panel.show(conversation("One word", "streaming"));
  await panel.send({ type: "status", status: { phase: "reading", numbers: [], activity: "Reading", fraction: 0.5 } });
  await expect.poll(moving).toBeGreaterThan(0);
  await reduce();
  await expect.poll(moving).toBe(0);
  await panel.page.emulateMedia({ reducedMotion: null });
  await panel.page.evaluate(() => document.body.classList.remove("vscode-reduce-motion"));
});

test("what is counted is what would be asked, with a command in it expanded", async () => {
  await panel.send({ type: "commands", commands: [{ name: "fix", description: "", text: "Mend what is wrong." }] });
  await panel.page.getByRole("textbox").fill("/fix the loop");
  const drafts = async () => (await panel.sent()).filter((message) => message.type === "draft");
  await expect
    .poll(async () => (await drafts()).at(-1))
    .toMatchObject({ draft: { text: "/fix the loop" }, question: "Mend what is wrong.\n\nthe loop" });
});

test("a text that is too long to be sent says so, and stays", async () => {
  const input = panel.page.getByRole("textbox");
  await input.evaluate((element: HTMLTextAreaElement) => {
    element.value = "x".repeat(10_000_001);
    element.dispatchEvent(new InputEvent("input", { bubbles: true }));
  });
  const notice = panel.page.getByText("it has 10,000,001 characters, and 10,000,000 can be sent");
  await notice.waitFor();
  const asked = async () => (await panel.sent()).filter((message) => message.type === "ask").length;
  const before = await asked();
  await input.press("Enter");
  expect(await input.evaluate((element: HTMLTextAreaElement) => element.value.length)).toBe(10_000_001);
  expect(await asked()).toBe(before);
  await input.fill("short");
  await expect.poll(() => notice.isVisible()).toBe(false);
});

const word = "Words that say nothing much. ";
/** As much code as has colours, in the longest lines that have. */
const colored = (language: string, unit: string) =>
  `\`\`\`${language}\n${unit
    .repeat(12_000 / unit.length)
    .replaceAll(/.{980}/g, "$&\n")
    .slice(0, 11_990)}\n\`\`\``;
const hostile: Readonly<Record<string, string>> = {
  "a line of 1 MB": "x".repeat(1e6),
  "a line of 1 MB in words": word.repeat(1e6 / word.length),
  "a line of 1 MB of code": `\`\`\`js\n${"x+".repeat(5e5)}\n\`\`\``,
  "code of 1 MB": `\`\`\`js\n${"const a = [1, 2];\n".repeat(6e4)}\`\`\``,
  "10,000 nested lists": Array.from(
    { length: 10_000 },
    (_, index) => `${" ".repeat(Math.min(index * 2, 400))}- a`,
  ).join("\n"),
  "10,000 nested lists in a line": "- ".repeat(10_000),
  "10,000 nested quotes": ">".repeat(10_000),
  "a list of 10,000": "- a\n".repeat(10_000),
  "a comment without an end": `\`\`\`js\n/*${" *".repeat(5e4)}\n\`\`\``,
  "a comment of lines without an end": `\`\`\`js\n/*\n${"* a\n".repeat(25_000)}\`\`\``,
  "a text without an end": `\`\`\`py\n"""\n${"a\\\n".repeat(25_000)}\`\`\``,
  "letters of C": colored("c", "a"),
  "letters of C++": colored("cpp", "a0_"),
  "words of C#": colored("csharp", "aa b "),
  "types of C#": colored("csharp", "a<b "),
  "a token at each letter": colored("js", "1("),
  "a text in a text": colored("bash", 'a"$('),
  "brackets without an end": "[".repeat(1e5),
  "brackets and backslashes": "[\\".repeat(25_000),
  "links without an end": "[a](".repeat(25_000),
  "emphasis without an end": "**a _b ".repeat(20_000),
  addresses: "http://a.b/(".repeat(10_000),
  "addresses of mail": "a@b.c".repeat(20_000),
  "a wide table": `${"|a".repeat(2000)}|\n${"|-".repeat(2000)}|\n${`${"|b".repeat(2000)}|\n`.repeat(5)}`,
  "a long table": `|a|b|\n|-|-|\n${"|c|d|\n".repeat(10_000)}`,
  formulas: "\\(a ".repeat(20_000),
  "backquotes of all lengths": Array.from({ length: 300 }, (_, index) => "`".repeat(index)).join(" "),
  "turned text": "\u202E".repeat(2e4),
};

/** On a quiet machine the longest task takes less than 100. What is not divided into pieces takes seconds. */
const muchMilliseconds = 400;

/** Runs something, and tells the longest task of the page's main thread: in milliseconds of its own, whatever else the machine does. */
async function longestTask(run: () => Promise<void>): Promise<number> {
  const session = await panel.page.context().newCDPSession(panel.page);
  const events: TraceEvent[] = [];
  session.on("Tracing.dataCollected", ({ value }) => events.push(...(value as unknown as TraceEvent[])));
  const ended = new Promise<void>((resolve) => session.once("Tracing.tracingComplete", () => resolve()));
  await session.send("Tracing.start", {
    traceConfig: { includedCategories: ["toplevel", "disabled-by-default-devtools.timeline"] },
    transferMode: "ReportEvents",
  });
  await run();
  await session.send("Tracing.end");
  await ended;
  await session.detach();
  const main = events.find(({ name, args }) => name === "thread_name" && args?.name === "CrRendererMain");
  const tasks = events.filter(
    ({ name, tid, tdur }) =>
      name === "ThreadControllerImpl::RunTask" || (name === "RunTask" && tid === main?.tid && tdur !== undefined),
  );
  return Math.max(0, ...tasks.filter(({ tid }) => tid === main?.tid).map(({ tdur = 0 }) => tdur / 1000));
}

interface TraceEvent {
  name: string;
  tid: number;
  /** Of the thread's own time, in microseconds. */
  tdur?: number;
  args?: { name?: string };
}

test.each([
  ["a line of 1 MB", "x".repeat(1e6)],
  ["1 MB of lines", "a thought\n".repeat(1e5)],
  ["turned text", "\u202Ea ".repeat(2e4)],
])("a thought of %s does not hold up the page, folded or not", async (_, text) => {
  for (const unfolded of [false, true]) {
    const id = `hostile ${count++}`;
    await panel.show(conversation("", "streaming", id));
    const add = (piece: string) => panel.send({ type: "thought", id, text: piece, tokens: 1, durationMs: 1 });
    await add("Hm. ");
    if (unfolded) await answer().locator(".thought summary").click();
    const milliseconds = await longestTask(async () => {
      for (let at = 0; at < text.length; at += 20_000) await add(text.slice(at, at + 20_000));
      await add("the end");
      const isDrawn = () =>
        answer()
          .locator(".thought .text")
          .evaluate((node) => node.lastElementChild?.textContent?.includes("the end"));
      await expect.poll(isDrawn).toBe(true);
    });
    expect(milliseconds).toBeLessThan(muchMilliseconds);
  }
});

test.each(Object.entries(hostile))("%s does not hold up the page", async (name, text) => {
  const id = `hostile ${count++}`;
  await panel.show(conversation("", "streaming", id));
  const milliseconds = await longestTask(async () => {
    // A message of that size takes the browser's own machinery long: it comes in pieces, as from a model.
    for (let at = 0; at < text.length; at += 20_000) {
      await panel.send({ type: "text", id, text: text.slice(at, at + 20_000) });
    }
    await panel.send({ type: "text", id, text: "\n\n\nthe end" });
    const isDrawn = () =>
      answer()
        .locator(".body")
        .evaluate((body) => body.lastElementChild?.textContent?.includes("the end"));
    await expect.poll(isDrawn, { timeout: 100_000 }).toBe(true);
  });
  console.log(name, milliseconds);
  expect(milliseconds).toBeLessThan(muchMilliseconds);
});

test("50 tokens a second take less than a quarter of a core", async () => {
  const page = panel.page;
  const session = await page.context().newCDPSession(page);
  await session.send("Performance.enable", { timeDomain: "threadTicks" });
  const busy = async () => {
    const { metrics } = await session.send("Performance.getMetrics");
    return metrics.find(({ name }) => name === "TaskDuration")?.value ?? 0;
  };
  const code = `\n\n\`\`\`ts\n${"export function add(a: number, b: number): number {\n  return a + b; // sum\n}\n".repeat(140)}\`\`\`\n\n`;
  const list = Array.from({ length: 200 }, (_, index) => `${index + 1}. Point *${index}* is \`so\` important.\n`).join(
    "",
  );
  const tokens = [...(word.repeat(30) + code + list).matchAll(/.{1,4}/gs)].map(([token]) => token);
  await panel.show(conversation(`${word.repeat(100)}\n\n`.repeat(20), "streaming", "fast"));
  const began = await busy();
  const seconds = await page.evaluate(async (pieces) => {
    const from = performance.now();
    const perToken = 20;
    for (const [index, text] of pieces.slice(0, 1500).entries()) {
      window.dispatchEvent(new MessageEvent("message", { data: { type: "text", id: "fast", text } }));
      const wait = from + (index + 1) * perToken - performance.now();
      if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
    }
    return (performance.now() - from) / 1000;
  }, tokens);
  const share = ((await busy()) - began) / seconds;
  console.log(`main thread: ${(share * 100).toFixed(1)}% of a core over ${seconds.toFixed(1)} s`);
  expect(share).toBeLessThan(0.25);
});
