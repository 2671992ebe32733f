/** What the page of the chat panel is made of. */
export interface PageParts {
  /** `webview.cspSource` */
  cspSource: string;
  /** Unguessable, and new for each page. */
  nonce: string;
  scriptUri: string;
  styleUri: string;
}

/** The page of the chat panel. It may load our script, our style and our font, and nothing else from anywhere. */
export function chatPage({ cspSource, nonce, scriptUri, styleUri }: PageParts): string {
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
<html lang="en">
<head>
<meta charset="UTF-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="stylesheet" href="${styleUri}" id="vscode-codicon-stylesheet">
<title>Flint</title>
</head>
<body>
<script type="module" nonce="${nonce}" src="${scriptUri}"></script>
</body>
</html>
`;
}
