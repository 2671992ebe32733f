/** A small file with a mistake, and the test that finds it. */

/** `sum.cjs`: its first number is left out. */
export const sum = `/** Adds up all numbers. */
exports.sum = (numbers) => {
  let total = 0;
  for (let i = 1; i < numbers.length; i++) {
    total += numbers[i];
  }
  return total;
};

exports.mean = (numbers) => exports.sum(numbers) / numbers.length;
`;

/** `sum.test.cjs`: fails by that. */
export const sumTest = `const assert = require("node:assert");
const { sum, mean } = require("./sum.cjs");
assert.strictEqual(sum([1, 2, 3]), 6);
assert.strictEqual(mean([1, 2, 3]), 2);
`;
