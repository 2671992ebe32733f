import { afterEach, expect, test } from "vitest";
import { decimal, diskSize, estimate, integer, memorySize, setNumberLanguage } from "./numbers.js";

afterEach(() => setNumberLanguage("en"));

test.each([
  ["en", ["1,234", "5.2", "9.9", "1,235", "5.4 GiB", "768 MiB", "18.2 GB"]],
  ["de", ["1.234", "5,2", "9,9", "1.235", "5,4 GiB", "768 MiB", "18,2 GB"]],
  ["zh-cn", ["1,234", "5.2", "9.9", "1,235", "5.4 GiB", "768 MiB", "18.2 GB"]],
])("numbers in %s", (language, texts) => {
  setNumberLanguage(language);
  const sizes = [memorySize(5.4 * 1024 ** 3), memorySize(768 * 1024 ** 2), diskSize(18.2e9)];
  expect([integer(1234), decimal(5.24), estimate(9.87), estimate(1234.6), ...sizes]).toEqual(texts);
});
