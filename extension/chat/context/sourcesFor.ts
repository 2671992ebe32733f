import { meantEditor } from "../meantEditor.js";
import type { ContextSource } from "./source.js";
import { gitChanges } from "./sources/git.js";
import { openEditor } from "./sources/openEditor.js";
import { problemCount, problemsOf } from "./sources/problems.js";

/**
 * What a command is about: the code that is open or selected, its problems if there are any, what would be committed.
 * @param hasOwn something is attached already, which the command is about instead of the code
 */
export async function sourcesFor(
  about: readonly ("code" | "problems" | "staged")[],
  hasOwn: boolean,
): Promise<ContextSource[]> {
  const sources: ContextSource[] = [];
  const uri = meantEditor()?.document.uri;
  const code = about.includes("code") && !hasOwn ? openEditor() : undefined;
  if (code) sources.push(code);
  if (about.includes("problems") && uri && problemCount(uri) > 0) sources.push(problemsOf(uri));
  if (about.includes("staged") && !hasOwn) sources.push(await gitChanges());
  return sources;
}
