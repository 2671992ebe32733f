/** Which files of the workspace a file imports, by its text alone. */
import { posix } from "node:path";

const patterns = [
  // JavaScript and TypeScript.
  /(?:from|import|require)\s*\(?\s*["'](\.[^"']+)["']/g,
  // C and C++, Ruby, PHP, shell.
  /^\s*#include\s+"([^"]+)"/gm,
  /require_relative\s*\(?\s*["']([^"']+)["']/g,
  /^\s*(?:source|\.)\s+["']?(\.{0,2}\/[\w./-]+)/gm,
];
const python = /^\s*(?:from\s+(\.*[\w.]*)\s+import\s+([\w, *()]+)|import\s+([\w., ]+))/gm;
const rust = /^\s*(?:pub\s+)?(?:use\s+(?:crate|super|self)::([\w:]+)|mod\s+(\w+)\s*;)/gm;
const java = /^\s*import\s+(?:static\s+)?([\w.]+)/gm;
const extensions: Record<string, string[]> = {
  py: [".py", "/__init__.py"],
  pyi: [".py", ".pyi"],
  rs: [".rs", "/mod.rs"],
  rb: [".rb"],
  java: [".java"],
  kt: [".kt", ".java"],
};
const scripts = [".ts", ".tsx", ".js", ".jsx", ".mjs", ".mts", ".d.ts", "/index.ts", "/index.js", ".json", ".vue"];
/** More imports are not looked at. */
const mostImports = 30;

/**
 * Paths that an import may mean, the likeliest first, for each import. Relative to the workspace, with slashes.
 * @param path of the importing file, likewise
 */
export function importedPaths(path: string, text: string): string[][] {
  const folder = posix.dirname(path);
  const ending = posix.extname(path).slice(1);
  const beginning = text.slice(0, 20_000);
  const names =
    ending === "py" || ending === "pyi"
      ? pythonModules(beginning, folder)
      : ending === "rs"
        ? rustModules(beginning, folder)
        : ending === "java" || ending === "kt"
          ? javaClasses(beginning)
          : patterns.flatMap((pattern) =>
              [...beginning.matchAll(pattern)].map(([, name = ""]) => [posix.join(folder, name)]),
            );
  const endings = extensions[ending] ?? scripts;
  const candidates = names.map((bases) => bases.flatMap((base) => withEndings(base, endings)).filter(isInside));
  return candidates.filter((paths) => paths.length > 0).slice(0, mostImports);
}

function withEndings(base: string, endings: readonly string[]): string[] {
  const bare = base.replace(/\.(js|mjs|jsx)$/, "");
  return posix.extname(base) === "" ? endings.map((ending) => bare + ending) : [base, ...endings.map((e) => bare + e)];
}

const isInside = (path: string) => path !== "" && !path.startsWith("..") && !path.startsWith("/");

function pythonModules(text: string, folder: string): string[][] {
  return [...text.matchAll(python)].flatMap(([, from, names = "", plain]) => {
    const modules =
      plain === undefined ? [from ?? ""] : plain.split(",").map((name) => name.trim().split(/\s/)[0] ?? "");
    return modules.map((module) => {
      const dots = /^\.*/.exec(module)?.[0].length ?? 0;
      const rest = module.slice(dots).replaceAll(".", "/");
      const up = posix.join(folder, ...Array.from({ length: Math.max(0, dots - 1) }, () => ".."));
      const bases = dots > 0 ? [posix.join(up, rest)] : [posix.join(folder, rest), rest, posix.join("src", rest)];
      // `from . import name` and `from package import module` name files too.
      const members = names.split(/[\s,()]+/).filter((name) => /^\w+$/.test(name));
      return [...bases, ...bases.flatMap((base) => members.map((name) => posix.join(base, name)))];
    });
  });
}

function rustModules(text: string, folder: string): string[][] {
  return [...text.matchAll(rust)].map(([, use, module]) => {
    if (module !== undefined) return [posix.join(folder, module)];
    const [first = "", second] = (use ?? "").split("::");
    const bases = [posix.join(folder, first), posix.join("src", first), posix.join(folder, "..", first)];
    return second === undefined ? bases : [...bases, posix.join("src", first, second)];
  });
}

function javaClasses(text: string): string[][] {
  return [...text.matchAll(java)].map(([, name = ""]) => {
    const path = name.replaceAll(".", "/");
    return [path, `src/${path}`, `src/main/java/${path}`, `src/main/kotlin/${path}`, `app/src/main/java/${path}`];
  });
}
