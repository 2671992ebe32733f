import { expect, test } from "vitest";
import { SuggestionCache } from "./cache.js";

const at = (prefix: string, suffix = "\nend", file = "a.ts") => ({ file, prefix, suffix });

/** A cache that knows one suggestion. */
function knowing(shown: string, prefix = "x = ") {
  const cache = new SuggestionCache();
  cache.add({ ...at(prefix), shown, lineAfter: "" });
  return cache;
}

test("typing along what was suggested shows the rest of it", () => {
  const cache = knowing("foo(1)");
  expect(cache.find(at("x = "))?.shown).toBe("foo(1)");
  expect(cache.find(at("x = fo"))?.shown).toBe("o(1)");
  expect(cache.find(at("x = fa"))).toBeUndefined();
  expect(cache.find(at("x = foo(1)"))).toBeUndefined();
});

test("going back to where it was shown shows it again", () => {
  const cache = knowing("foo(1)");
  expect(cache.find(at("x = bar"))).toBeUndefined();
  expect(cache.find(at("x = f"))?.shown).toBe("oo(1)");
});

test("other files and other text after the cursor are other spots", () => {
  const cache = knowing("foo(1)");
  expect(cache.find(at("x = ", "\nend", "b.ts"))).toBeUndefined();
  expect(cache.find(at("x = ", "\nother"))).toBeUndefined();
});

test("that there is nothing to suggest is known of that spot alone", () => {
  const cache = knowing("");
  expect(cache.find(at("x = "))?.shown).toBe("");
  expect(cache.find(at("x = f"))).toBeUndefined();
});

test("the newest suggestion counts, and old ones are forgotten", () => {
  const cache = knowing("foo(1)");
  cache.add({ ...at("x = "), shown: "bar()", lineAfter: "" });
  expect(cache.find(at("x = "))?.shown).toBe("bar()");
  for (let i = 0; i < 300; i++) cache.add({ ...at(`y${i} = `), shown: "1", lineAfter: "" });
  expect(cache.find(at("x = "))).toBeUndefined();
});
