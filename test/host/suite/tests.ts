import { deepStrictEqual, notStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { after, afterEach, before, describe, it } from "mocha";
import * as vscode from "vscode";
import type { FlintApi } from "../../../extension/api.js";
import { isAlive } from "../../support/process.js";
import { activateFlint, setSetting, untilState } from "./flint.js";

const question = [{ role: "user" as const, text: "What is the capital of France?" }];
const longQuestion = [{ role: "user" as const, text: "Count from one to one hundred, in words." }];
const ignore = () => undefined;

describe("an extension host", () => {
  let flint: FlintApi;
  before(async () => {
    flint = await activateFlint();
  });

  it("is the packaged extension, and active", () => {
    const extension = vscode.extensions.getExtension("flint.flint");
    strictEqual(extension?.isActive, true);
    ok(extension.extensionPath.includes(`${path.sep}extensions${path.sep}flint.flint-`), extension.extensionPath);
  });

  it("registers every command it contributes", async () => {
    const extension = vscode.extensions.getExtension("flint.flint");
    const contributed: { command: string }[] = extension?.packageJSON.contributes.commands;
    const registered = new Set(await vscode.commands.getCommands(true));
    ok(contributed.length > 0);
    deepStrictEqual(
      contributed.map(({ command }) => command).filter((command) => !registered.has(command)),
      [],
    );
  });

  it("takes the machine's settings, and has defaults for the others", () => {
    const configuration = vscode.workspace.getConfiguration("flint");
    strictEqual(configuration.get("model"), process.env["FLINT_TEST_MODEL"]);
    strictEqual(configuration.get("ramCap"), "1GiB");
    strictEqual(configuration.inspect("ramCap")?.defaultValue, "4GiB");
    strictEqual(configuration.inspect("contextSize")?.defaultValue, 0);
  });

  it("reveals a model's file in the file manager", async () => {
    // What a desktop does with it; in a browser there is no such command.
    const revealed: string[] = [];
    const stub = vscode.commands.registerCommand("revealFileInOS", ({ fsPath }: vscode.Uri) => revealed.push(fsPath));
    await vscode.commands.executeCommand("flint.revealModel", { kind: "found", model: { path: "/models/a.gguf" } });
    stub.dispose();
    deepStrictEqual(revealed, ["/models/a.gguf"]);
  });

  it("starts the sidecar as a process of the extension host when a model is loaded", async () => {
    const { plan } = await flint.engine.load();
    strictEqual(plan?.fits, true);
    strictEqual(flint.engine.state(), "ready");
    const pid = flint.engine.pid();
    ok(pid !== undefined && isAlive(pid));
    if (process.platform !== "linux") return;
    const status = await readFile(`/proc/${pid}/status`, "utf8");
    strictEqual(/^PPid:\t(\d+)$/m.exec(status)?.[1], String(process.pid));
  });

  it("streams an answer", async () => {
    const pieces: string[] = [];
    const result = await flint.engine.chat(question, (text) => pieces.push(text));
    strictEqual(pieces.join(""), result.text);
    strictEqual(result.finishReason, "stop");
    ok(pieces.length > 1, "the answer came in one piece");
    ok(/paris/i.test(result.text), result.text);
    strictEqual(flint.engine.state(), "ready");
  });

  it("keeps what was said when an answer is stopped", async () => {
    const stop = new vscode.CancellationTokenSource();
    const pieces: string[] = [];
    const result = await flint.engine.chat(
      longQuestion,
      (text) => {
        pieces.push(text);
        if (pieces.length === 3) stop.cancel();
      },
      stop.token,
    );
    strictEqual(result.finishReason, "cancelled");
    strictEqual(pieces.join(""), result.text);
    ok(result.text.length > 0);
  });

  it("answers a second question after the first", async () => {
    const stop = new vscode.CancellationTokenSource();
    const said: string[] = [];
    const first = flint.engine.chat(
      longQuestion,
      () => {
        if (said.push("first") === 3) stop.cancel();
      },
      stop.token,
    );
    const second = flint.engine.chat(question, () => said.push("second"));
    strictEqual((await first).finishReason, "cancelled");
    ok(/paris/i.test((await second).text));
    // Nothing of the second was said before the last of the first.
    ok(said.lastIndexOf("first") < said.indexOf("second"), said.join());
  });

  it("comes back with the model after the sidecar was killed", async () => {
    const before = flint.engine.pid();
    ok(before !== undefined);
    const left = new Promise<void>((resolve) => {
      const subscription = flint.engine.onDidChangeState((state) => {
        if (state === "ready") return;
        subscription.dispose();
        resolve();
      });
    });
    process.kill(before, "SIGKILL");
    await left;
    await untilState(flint, (state) => state === "ready");
    notStrictEqual(flint.engine.pid(), before);
    strictEqual(isAlive(before), false);
    const { text } = await flint.engine.chat(question, ignore);
    ok(/paris/i.test(text), text);
  });

  it("ends an answer that the sidecar's death cut off", async () => {
    const answer = flint.engine.chat(longQuestion, () => {
      const pid = flint.engine.pid();
      if (pid !== undefined && isAlive(pid)) process.kill(pid, "SIGKILL");
    });
    await rejects(answer);
    await untilState(flint, (state) => state === "ready");
  });

  describe("with a model of its own for suggestions", () => {
    const chatModel = process.env["FLINT_TEST_MODEL"];
    const inlineModel = process.env["FLINT_TEST_INLINE_MODEL"];
    before(async () => {
      // After a third crash in a row it would be left off.
      await vscode.commands.executeCommand("flint.restartEngine");
      await flint.engine.load();
    });
    const suggest = () => flint.engine.complete("def add(a, b):", 4);
    after(async () => {
      await setSetting("inlineModel", undefined);
      await flint.engine.load();
    });

    it("suggests with that while the other answers", async () => {
      strictEqual((await suggest())?.modelPath, chatModel);
      await setSetting("inlineModel", inlineModel);
      ok((await flint.engine.load()).inline);
      const stop = new vscode.CancellationTokenSource();
      let suggestion: ReturnType<typeof suggest> | undefined;
      const start = () => {
        suggestion ??= suggest().finally(() => stop.cancel());
      };
      const { modelPath, finishReason } = await flint.engine.chat(longQuestion, start, stop.token);
      strictEqual(modelPath, chatModel);
      // It was there before the end of the answer.
      strictEqual(finishReason, "cancelled");
      strictEqual((await suggestion)?.modelPath, inlineModel);
    });

    it("comes back with both after the sidecar was killed", async () => {
      const before = flint.engine.pid();
      ok(before !== undefined);
      process.kill(before, "SIGKILL");
      await untilState(flint, (state) => state !== "ready");
      await untilState(flint, (state) => state === "ready");
      strictEqual((await suggest())?.modelPath, inlineModel);
    });

    it("does with the chat's model what that can't do", async () => {
      await setSetting("inlineModel", "/nowhere/inline.gguf");
      const { plan, inline } = await flint.engine.load();
      strictEqual(inline, undefined);
      ok(plan?.inlineRefusal?.reason.includes("/nowhere/inline.gguf"), plan?.inlineRefusal?.reason);
      strictEqual((await suggest())?.modelPath, chatModel);
    });
  });

  describe("with settings that can't work", () => {
    afterEach(async () => {
      await setSetting("model", undefined);
      await setSetting("ramCap", undefined);
      await flint.engine.load();
      strictEqual(flint.engine.state(), "ready");
    });

    it("says that a file is missing", async () => {
      await setSetting("model", "/nowhere/model.gguf");
      await untilState(flint, (state) => state === "failed");
      await rejects(flint.engine.load(), { code: 4 });
    });

    it("says that a file is not a model", async () => {
      const [folder] = vscode.workspace.workspaceFolders ?? [];
      ok(folder);
      await setSetting("model", path.join(folder.uri.fsPath, "page.gguf"));
      await untilState(flint, (state) => state === "failed");
      await rejects(flint.engine.load(), { code: 4 });
    });

    it("says which cap would be enough", async () => {
      await setSetting("ramCap", "160MiB");
      await untilState(flint, (state) => state === "failed");
      await rejects(flint.engine.load(), (error: { code: number; data: { minimumCapBytes: number } }) => {
        strictEqual(error.code, 3);
        ok(error.data.minimumCapBytes > 160 * 2 ** 20);
        return true;
      });
    });

    it("says that a cap is no size", async () => {
      await setSetting("ramCap", "lots");
      await untilState(flint, (state) => state === "failed");
      await rejects(flint.engine.load());
    });
  });
});
