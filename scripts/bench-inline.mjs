// npm run bench:inline: replays typing in a real VS Code, with the packaged extension. After "npm run package".
import { runBenchmark } from "./bundled-bench.mjs";
import { runMain } from "./steps.mjs";

await runMain(() => runBenchmark("test/bench/inline/main.ts", process.argv.slice(2)));
