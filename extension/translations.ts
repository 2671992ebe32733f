/** Translates modules that know no VS Code, so that they can be tested without it. Import it before anything that calls `l10n.t`. */
import * as l10n from "@vscode/l10n";
import * as vscode from "vscode";
import type { Display } from "../protocol/messages.js";
import { setNumberLanguage } from "./numbers.js";

/** For processes that know no VS Code at all. */
export const display: Display = { language: vscode.env.language, translations: vscode.l10n.bundle ?? {} };

l10n.config({ contents: display.translations });
setNumberLanguage(display.language);
