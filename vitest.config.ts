import { defineConfig } from "vitest/config";

const minutes = 60_000;

/** Waits for networks, disks and starting processes more than it computes, so it runs well beside what computes. */
const commands = [
  "test/{bench,cli,models}/*.test.ts",
  "test/engine/{clientEnd,conversion,diskStalls,parameters,reloading,unusableModels,wire}.test.ts",
];
/** Loads models that compute. */
const computing = ["test/bench/bench.test.ts", "test/cli/eval.test.ts"];

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: "unit",
          fileParallelism: false,
          include: ["{cli,engine-native,extension,models,protocol,scripts,server,webview}/**/*.test.ts"],
          // They take seconds; on a busy machine, longer.
          testTimeout: 2 * minutes,
          hookTimeout: 2 * minutes,
          sequence: { groupOrder: 0 },
        },
      },
      {
        test: {
          name: "commands",
          fileParallelism: false,
          include: commands,
          exclude: computing,
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
          include: ["test/engine/*.test.ts", ...computing],
          exclude: commands.slice(1),
          testTimeout: 10 * minutes,
          hookTimeout: 10 * minutes,
          sequence: { groupOrder: 2 },
        },
      },
      {
        test: {
          name: "native",
          fileParallelism: false,
          include: ["test/native/*.test.ts"],
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
          // Of "npm run test:desktop", which fetches VS Code.
          name: "desktop",
          fileParallelism: false,
          include: ["test/desktop/**/*.test.ts"],
          testTimeout: 5 * minutes,
          hookTimeout: 5 * minutes,
          sequence: { groupOrder: 6 },
        },
      },
      {
        test: {
          // Of "npm run test:windows", which prepares wine.
          name: "windows",
          fileParallelism: false,
          include: ["test/windows/*.test.ts"],
          testTimeout: 30 * minutes,
          hookTimeout: 10 * minutes,
          sequence: { groupOrder: 7 },
        },
      },
      {
        test: {
          // A person's day with the larger starter model; its pictures are for looking at.
          name: "walk",
          fileParallelism: false,
          include: ["test/walk/**/*.test.ts"],
          testTimeout: 10 * minutes,
          hookTimeout: 10 * minutes,
          expect: { poll: { timeout: 2 * minutes } },
          sequence: { groupOrder: 8 },
        },
      },
      {
        test: {
          name: "ui",
          fileParallelism: false,
          include: ["test/ui/**/*.test.ts"],
          testTimeout: 5 * minutes,
          hookTimeout: 5 * minutes,
          // As patient as the browser is. By itself a poll gives up after a second, which a busy machine may need.
          expect: { poll: { timeout: 2 * minutes } },
          sequence: { groupOrder: 5 },
        },
      },
    ],
  },
});
