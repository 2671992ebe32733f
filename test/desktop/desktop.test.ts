/** The suite of test/host in the desktop VS Code that `npm run test:desktop` has fetched. */
import { testInHost } from "../support/hostSuite.js";
import { runInDesktop } from "./runInDesktop.js";

await testInHost(runInDesktop);
