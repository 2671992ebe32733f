/** Translates the page. Import it before anything that calls `l10n.t`. */
import * as l10n from "@vscode/l10n";

// The extension has put the translations of VS Code's language there: see extension/chat/panel/html.ts.
const { translations } = document.body.dataset;
if (translations) l10n.config({ contents: JSON.parse(translations) });
