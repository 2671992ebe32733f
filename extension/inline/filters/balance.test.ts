import { expect, test } from "vitest";
import { balanceOf } from "./balance.js";

const brief = (code: string, quote?: string) => {
  const { closers, missing, quote: open } = balanceOf(code, quote);
  return [closers.map(({ bracket }) => bracket).join(""), missing.join(""), open];
};

test.each<[string, string, string, string | undefined]>([
  ["f(a[0], {", "", "})", undefined],
  ["a) + b]", ")]", "", undefined],
  ["f(')')", "", "", undefined],
  ["f('it\\'s)', \"[\")", "", "", undefined],
  ["f'a(b' + rb'(x' (", "", ")", undefined],
  ["don't (", "", ")", undefined],
  ["fn f<'a>(x: &'a str) {", "", "}", undefined],
  ["// (\nf(", "", ")", undefined],
  ["/* ( */ [", "", "]", undefined],
  ["# (\nx = {", "", "}", undefined],
  ["#[derive(Debug)]", "", "", undefined],
  ["'http://a/(' (", "", ")", undefined],
  ['"""(\n"', "", "", '"""'],
  ['say("hel', "", ")", '"'],
  ["`a ${b", "", "", "`"],
])("the balance of %j", (code, closers, missing, quote) => {
  expect(brief(code)).toEqual([closers, missing, quote]);
});

test("a string may be open at the beginning", () => {
  expect(brief('abc)")', '"')).toEqual([")", "", undefined]);
  expect(brief("abc", '"')).toEqual(["", "", '"']);
});
