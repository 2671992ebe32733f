import { expect, test } from "vitest";
import { placeOf } from "./place.js";

test("the selected text is found where it was, or where it has moved to, if there is only one", () => {
  expect(placeOf("b\n", 2, "a\nb\nb\n")).toBe(2);
  expect(placeOf("b\n", 2, "new\na\nb\n")).toBe(6);
  expect(placeOf("b\n", 2, "new\nb\nb\n")).toBeUndefined();
  expect(placeOf("b\n", 2, "a\nc\n")).toBeUndefined();
});
