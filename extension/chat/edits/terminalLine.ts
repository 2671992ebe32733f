/**
 * Commands as one line that a terminal shows and does not run: each line end would run something.
 * @returns undefined where they are more than commands one after the other
 */
export function asOneLine(code: string): string | undefined {
  const joined = code.replaceAll(/\r\n?/g, "\n").replaceAll(/\s*\\\n\s*/g, " ");
  const lines = joined
    .split("\n")
    .map((line) => line.trim().replace(/^\$ /, ""))
    .filter((line) => line !== "" && !line.startsWith("#"));
  const isSimple = (line: string) =>
    !/<<|[{(|&]$|^(?:if|then|else|fi|for|while|do|done|case|esac|function)\b|\b(?:do|then)$|^[)}]/.test(line) &&
    hasClosedQuotes(line);
  if (lines.length > 1 && !lines.every(isSimple)) return undefined;
  // Control characters are keys to a terminal.
  return [...lines.join(" && ")].filter((character) => !/[\p{Cc}\u2028\u2029]/u.test(character)).join("");
}

const hasClosedQuotes = (line: string) => ['"', "'", "`"].every((quote) => line.split(quote).length % 2 === 1);
