import { expect, test } from "vitest";
import { urisOf } from "./droppedFiles.js";

test("a list has a URI a line, and comments", () => {
  expect(urisOf("# two\r\nfile:///a.ts\r\nfile:///b\r\n")).toEqual(["file:///a.ts", "file:///b"]);
  expect(urisOf("")).toEqual([]);
});
