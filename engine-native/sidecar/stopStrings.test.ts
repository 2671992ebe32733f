import { expect, test } from "vitest";
import { StopStrings } from "./stopStrings.js";

function read(stops: string[], pieces: string[]) {
  const detector = new StopStrings(stops);
  let told = "";
  for (const piece of pieces) {
    const { text, found } = detector.push(piece);
    told += text;
    if (found !== undefined) return { told, found };
  }
  return { told: told + detector.end() };
}

test("a stop text ends the answer, however it comes", () => {
  expect(read(["</end>"], ["a</end>b"])).toEqual({ told: "a", found: "</end>" });
  expect(read(["</end>"], [..."a</end>b"])).toEqual({ told: "a", found: "</end>" });
  expect(read(["xy", "b"], ["abxy"])).toEqual({ told: "a", found: "b" });
});

test("what only looked like one is told", () => {
  expect(read(["</end>"], ["a</", "en", "t>"])).toEqual({ told: "a</ent>" });
  expect(read(["</end>"], ["a</"])).toEqual({ told: "a</" });
  expect(read(["aab"], [..."aaab"])).toEqual({ told: "a", found: "aab" });
});
