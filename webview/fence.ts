/** What a model says behind a fence: a language, and perhaps the file that the code is for. */
export interface FenceInfo {
  language: string;
  path?: string | undefined;
}

const looksLikePath = (word: string) =>
  /^[\w@.()[\]/\\ -]*(?:[\w)\]-]\.\w{1,10}|[/\\][\w.-]+)$/.test(word) && /[\w]/.test(word);

/** Takes "ts src/a.ts", "ts:src/a.ts", "src/a.ts", `ts title="src/a.ts"` and the like apart. */
export function parseFenceInfo(info: string): FenceInfo {
  const text = info.trim().slice(0, 500);
  const named = /(?:^|[\s{])(?:title|file(?:name)?|path)\s*[=:]\s*(?:"([^"]+)"|'([^']+)'|([^\s}]+))/i.exec(text);
  const [first = "", ...rest] = text.split(/\s+/);
  const inOne = /^([\w+#-]*):(?!\/\/)(.+)$/.exec(first);
  const language = (inOne?.[1] ?? first).replace(/[{,].*$/, "");
  const path =
    named?.[1] ??
    named?.[2] ??
    named?.[3] ??
    inOne?.[2] ??
    rest.map((word) => word.replaceAll(/^[("'`{]+|[)"'`}:,]+$/g, "")).find(looksLikePath);
  if (path !== undefined) return { language, path };
  if (/[/\\.]/.test(first) && looksLikePath(first)) return { language: /\.(\w+)$/.exec(first)?.[1] ?? "", path: first };
  return { language };
}
