import { defineConfig } from "vitest/config";

const minutes = 60_000;

/** What waits for networks, disks and starting processes more than it computes: it runs well beside what computes. */
const commands = ["commandLine", "download*", "peer", "proxy", "refusals", "remotePlan", "silence"].map(
  (name) => `test/engine/${name}.test.ts`,
);

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: "unit",
          fileParallelism: false,
          include: ["{engine-native,extension,scripts,webview}/**/*.test.ts"],
          sequence: { groupOrder: 0 },
        },
      },
      {
        test: {
          name: "commands",
          fileParallelism: false,
          include: commands,
          // Of tests that say that they may run side by side.
          maxConcurrency: 2,
          testTimeout: 10 * minutes,
          hookTimeout: 10 * minutes,
          sequence: { groupOrder: 1 },
        },
      },
      {
        test: {
          name: "engine",
          fileParallelism: false,
          include: ["test/engine/**/*.test.ts"],
          exclude: commands,
          testTimeout: 10 * minutes,
          hookTimeout: 10 * minutes,
          sequence: { groupOrder: 2 },
        },
      },
      {
        test: {
          name: "native",
          fileParallelism: false,
          include: ["test/native.test.ts"],
          testTimeout: 10 * minutes,
          sequence: { groupOrder: 3 },
        },
      },
      {
        test: {
          name: "host",
          fileParallelism: false,
          include: ["test/host/**/*.test.ts"],
          testTimeout: 5 * minutes,
          hookTimeout: 5 * minutes,
          sequence: { groupOrder: 4 },
        },
      },
      {
        test: {
          name: "ui",
          fileParallelism: false,
          include: ["test/ui/**/*.test.ts"],
          testTimeout: 5 * minutes,
          hookTimeout: 5 * minutes,
          // A window that opens and a browser that clicks are two: now and then one is ahead of the other.
          retry: 1,
          sequence: { groupOrder: 5 },
        },
      },
    ],
  },
});
