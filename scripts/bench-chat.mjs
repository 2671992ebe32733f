// npm run bench:chat: asks a model what people ask, applies its code as the panel does, and runs it. After "npm run build".
import { runBenchmark } from "./bundled-bench.mjs";
import { runMain } from "./steps.mjs";

await runMain(() => runBenchmark("test/bench/chat/main.ts", process.argv.slice(2)));
