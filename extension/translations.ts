/** Translates modules that know no VS Code, so that they can be tested without it. Import it before anything that calls `l10n.t`. */
import * as l10n from "@vscode/l10n";
import * as vscode from "vscode";
import { setNumberLanguage } from "./numbers.js";

l10n.config({ contents: vscode.l10n.bundle ?? {} });
setNumberLanguage(vscode.env.language);
