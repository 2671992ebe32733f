import { expect, test } from "vitest";
import { Recall } from "./recall.js";

test("up goes back through the questions, down forth to the empty input", () => {
  const recall = new Recall();
  recall.show(["One", "Two", "Two", "Three"]);
  expect(recall.step("ArrowDown", "")).toBeUndefined();
  expect(recall.step("ArrowUp", "")).toBe("Three");
  expect(recall.step("ArrowUp", "Three")).toBe("Two");
  expect(recall.step("ArrowUp", "Two")).toBe("One");
  expect(recall.step("ArrowUp", "One")).toBeUndefined();
  expect(recall.step("ArrowDown", "One")).toBe("Two");
  expect(recall.step("ArrowDown", "Two")).toBe("Three");
  expect(recall.step("ArrowDown", "Three")).toBe("");
});

test("in what a person has written the keys mean what they always do", () => {
  const recall = new Recall();
  recall.show(["One"]);
  expect(recall.step("ArrowUp", "Mine")).toBeUndefined();
  expect(recall.step("ArrowUp", "")).toBe("One");
  expect(recall.step("ArrowUp", "One more")).toBeUndefined();
  expect(recall.step("ArrowUp", "")).toBe("One");
});
