import * as z from "zod";
import type { Action } from "../../webview/messages.js";

// Without this the library looks for a way to compile its checks, which an extension host complains about.
z.config({ jitless: true });

/** What a button of a problem does, from the page or from a stored conversation. */
export const action: z.ZodType<Action> = z.discriminatedUnion("kind", [
  z.object({ kind: z.enum(["chooseModel", "askAgain", "restartEngine", "loadAgain", "showLog", "stopConversion"]) }),
  z.object({ kind: z.enum(["storeAgain", "exportChat"]) }),
  z.object({ kind: z.literal("raiseCap"), bytes: z.int().positive() }),
  z.object({ kind: z.literal("useContext"), tokens: z.int().positive() }),
  z.object({ kind: z.literal("openSetting"), setting: z.string().regex(/^flint\.\w+$/) }),
]);
