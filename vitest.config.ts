import { defineConfig } from "vitest/config";

const minutes = 60_000;

export default defineConfig({
  test: {
    // Tests that load models and browsers get the machine to themselves.
    fileParallelism: false,
    projects: [
      {
        test: {
          name: "unit",
          include: ["{engine-native,extension,scripts,webview}/**/*.test.ts"],
          sequence: { groupOrder: 0 },
        },
      },
      {
        test: {
          name: "engine",
          include: ["test/engine/**/*.test.ts"],
          // Of tests that say that they may run side by side.
          maxConcurrency: 2,
          testTimeout: 10 * minutes,
          hookTimeout: 10 * minutes,
          sequence: { groupOrder: 1 },
        },
      },
      {
        test: {
          name: "native",
          include: ["test/native.test.ts"],
          testTimeout: 10 * minutes,
          sequence: { groupOrder: 2 },
        },
      },
      {
        test: {
          name: "host",
          include: ["test/host/**/*.test.ts"],
          testTimeout: 5 * minutes,
          hookTimeout: 5 * minutes,
          sequence: { groupOrder: 3 },
        },
      },
      {
        test: {
          name: "ui",
          include: ["test/ui/**/*.test.ts"],
          testTimeout: 5 * minutes,
          hookTimeout: 5 * minutes,
          // A window that opens and a browser that clicks are two: now and then one is ahead of the other.
          retry: 1,
          sequence: { groupOrder: 4 },
        },
      },
    ],
  },
});
