import { expect, test } from "vitest";
import { Model } from "../../models/library/model.js";
import { withResolvers } from "../fixtures.js";
import { Stopped, Tasks } from "./tasks.js";

/** Tasks whose work lasts until it is ended here, or stopped. */
function setUp() {
  const tasks = new Tasks<{ progress: number }, string>();
  const told: (number | undefined)[] = [];
  tasks.onDidChange((task) => told.push(task?.progress));
  const add = (folder: string, name = "model.gguf") => {
    const end = withResolvers<string>();
    const signals: AbortSignal[] = [];
    const task = tasks.add(new Model(folder, name), { progress: 0 }, (_, signal) => {
      signals.push(signal);
      signal.addEventListener("abort", () => end.reject(signal.reason));
      return end.promise;
    });
    return { task, end, signals };
  };
  return { tasks, told, add };
}

test("a task is known until it has ended, and what becomes of it is told", async () => {
  const { tasks, told, add } = setUp();
  const { task, end } = add("/models");
  expect(tasks.get(new Model("/models", "model.gguf"))).toBe(task);
  task.progress = 1;
  tasks.tell(task);
  end.resolve("done");
  expect(await task.result).toBe("done");
  expect(tasks.get(new Model("/models", "model.gguf"))).toBeUndefined();
  expect(told).toEqual([0, 1, undefined]);
});

test("the same model is joined; one of the same name in another folder is another", async () => {
  const { tasks, add } = setUp();
  const first = add("/models");
  const joined = add("/models");
  expect(joined.task).toBe(first.task);
  const other = add("/others");
  first.end.resolve("first");
  await first.task.result;
  expect(joined.signals).toEqual([]);
  expect(tasks.get(new Model("/models", "model.gguf"))).toBeUndefined();
  expect(tasks.get(new Model("/others", "model.gguf"))).toBe(other.task);
  other.end.resolve("other");
  expect(await other.task.result).toBe("other");
});

test("a stopped task rejects with Stopped, one that fails with its own error", async () => {
  const { tasks, add } = setUp();
  const stopped = add("/models");
  const failing = add("/models", "failing.gguf");
  const rejections = [
    expect(stopped.task.result).rejects.toBeInstanceOf(Stopped),
    expect(failing.task.result).rejects.toThrow("disk"),
  ];
  expect(await tasks.abort(new Model("/models", "model.gguf"))).toBe(true);
  failing.end.reject(new Error("disk"));
  await Promise.all(rejections);
  expect(await tasks.abort(new Model("/models", "model.gguf"))).toBe(false);
});

test("a task that ends all the same while it is stopped has its result", async () => {
  const { tasks } = setUp();
  const begun = withResolvers<string>();
  const task = tasks.add(new Model("/models", "model.gguf"), { progress: 0 }, (_, signal) => {
    begun.resolve("");
    return new Promise((resolve) => signal.addEventListener("abort", () => resolve("done")));
  });
  await begun.promise;
  expect(await tasks.abort(new Model("/models", "model.gguf"))).toBe(false);
  expect(await task.result).toBe("done");
});

test("disposing stops all and tells nothing", async () => {
  const { tasks, told, add } = setUp();
  const { task } = add("/models");
  tasks.dispose();
  await expect(task.result).rejects.toBeInstanceOf(Stopped);
  expect(told).toEqual([0]);
});
