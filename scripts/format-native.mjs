// Part of npm run format: lays out the C++.
import { formatNative } from "./checks.mjs";
import { runMain } from "./steps.mjs";

await runMain(formatNative);
