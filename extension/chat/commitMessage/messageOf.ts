/** What a model has said so far as the text of a commit message: without fences, quotes and words about it. */
export function messageOf(answer: string): string {
  const fenced = /```[^\n]*\n([\s\S]*?)(?:\n?```|$)/.exec(answer)?.[1];
  const text = (fenced ?? answer.replace(/`+$/, ""))
    .replace(/^\s*(?:\*\*)?commit message:?(?:\*\*)?:?[ \t]*\n?/i, "")
    .trim();
  const quoted = /^(["'`])([^\n]*)\1$/.exec(text)?.[2];
  return quoted ?? text;
}
