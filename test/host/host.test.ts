import { runInExtensionHost } from "../support/extensionHost.js";
import { testInHost } from "../support/hostSuite.js";

await testInHost(runInExtensionHost);
