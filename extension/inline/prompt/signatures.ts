/** What a file offers to others, in few lines: what is worth knowing of an imported file. */

const declaration =
  /^\s*(?:@\w+.*|(?:export|public|protected|internal|static|final|abstract|async|declare|default|pub(?:\([^)]*\))?|unsafe|inline|constexpr|virtual|override|open|data|sealed|suspend)\s+)*(?:class|interface|struct|enum|trait|impl|type|def|fn|func|fun|function|module|namespace|protocol|extension|record|const|let|var|val|typedef|template)\b.*$/;
/** A method of JavaScript, Java, C++ or C#: a name, parameters, a block. */
const method = /^\s+(?:[\w<>[\],*&:]+\s+)*[\w$#~]+\s*\([^;]*\)[^;=]*\{\s*$/;
const noMethod = /^\s*(?:if|for|while|switch|catch|else|do|try|return|with|function)\b/;
const local = /^(?: {8,}|\t{2,})/;
/** More is no outline any more, in lines. */
const mostLines = 48;
/** A file that is shorter is taken as it is. */
const shortFile = 40;

/** The lines of a file that declare something, without what is in functions. */
export function signaturesOf(text: string): string {
  const lines = text.replaceAll("\r\n", "\n").split("\n");
  if (lines.length <= shortFile) return text.trim();
  const isDeclaration = (line: string) =>
    !local.test(line) && (declaration.test(line) ? !/^\s+(?:const|let|var|val|type)\b/.test(line) : isMethod(line));
  return lines
    .filter(isDeclaration)
    .slice(0, mostLines)
    .map((line) => line.trimEnd().slice(0, 200))
    .join("\n");
}

const isMethod = (line: string) => method.test(line) && !noMethod.test(line);
