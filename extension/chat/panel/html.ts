/** What the page of the chat panel is made of. */
export interface PageParts {
  /** `webview.cspSource` */
  cspSource: string;
  /** Unguessable, and new for each page. */
  nonce: string;
  scriptUri: string;
  styleUri: string;
  /** `vscode.env.language` */
  language: string;
  /** `vscode.l10n.bundle`: translations of the English texts; empty for English. */
  translations: Readonly<Record<string, unknown>>;
}

/** The page of the chat panel. It may load our script, our style and our font, and nothing else from anywhere. */
export function chatPage({ cspSource, nonce, scriptUri, styleUri, language, translations }: PageParts): string {
  const policy = [
    "default-src 'none'",
    `script-src 'nonce-${nonce}'`,
    `style-src ${cspSource}`,
    `font-src ${cspSource}`,
    "base-uri 'none'",
    "form-action 'none'",
  ].join("; ");
  // The components look the icon font's style sheet up by this id.
  return `<!DOCTYPE html>
<html lang="${escapeAttribute(language)}">
<head>
<meta charset="UTF-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="stylesheet" href="${styleUri}" id="vscode-codicon-stylesheet">
<title>Flint</title>
</head>
<body data-translations="${escapeAttribute(JSON.stringify(translations))}">
<script type="module" nonce="${nonce}" src="${scriptUri}"></script>
</body>
</html>
`;
}

const escapeAttribute = (text: string): string =>
  text.replaceAll("&", "&amp;").replaceAll('"', "&quot;").replaceAll("<", "&lt;");
