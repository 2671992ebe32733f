/** A problem as language servers and linters report it. Line and column count from 1. */
export interface FoundProblem {
  path: string;
  line: number;
  column: number;
  severity: "error" | "warning" | "info" | "hint";
  message: string;
  /** Of whoever found it, as "ts 2345". */
  source?: string | undefined;
}

/** A line for each problem, as compilers write it; the errors first. */
export function problemsText(problems: readonly FoundProblem[]): string {
  const weight = { error: 0, warning: 1, info: 2, hint: 3 };
  return [...problems]
    .sort((a, b) => weight[a.severity] - weight[b.severity] || compare(a.path, b.path) || a.line - b.line)
    .map(({ path, line, column, severity, message, source }) => {
      const origin = source ? ` [${source}]` : "";
      return `${path}:${line}:${column}: ${severity}: ${message.replaceAll(/\s*\n\s*/g, "\n  ")}${origin}`;
    })
    .join("\n");
}

const compare = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);
