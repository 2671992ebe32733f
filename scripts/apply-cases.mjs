// Derives cases for "npm run bench:apply -- --cases" from two versions of a source folder: of a function that was changed, what a model
// would show of it, and the file with that one change. node scripts/apply-cases.mjs OLD NEW > FILE.jsonl
import { readdir, readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import path from "node:path";
import { createTwoFilesPatch, diffArrays } from "diff";

const require = createRequire(import.meta.url);
const grammarFolder = path.join(path.dirname(require.resolve("@vscode/tree-sitter-wasm/package.json")), "wasm");
/** @type {Record<string, string>} */
const grammars = {
  js: "javascript",
  cjs: "javascript",
  mjs: "javascript",
  ts: "typescript",
  py: "python",
  go: "go",
  rs: "rust",
  java: "java",
};
const functions =
  /^(?:function_declaration|generator_function_declaration|method_definition|function_definition|method_declaration|function_item|constructor_declaration)$/;
const containers = /^(?:class_declaration|class_definition|impl_item|interface_declaration|mod_item|class)$/;
const longestFile = 60_000;
const mostOfFile = 4;

/**
 * @typedef {object} Span of a function
 * @property {string} name with that of its class
 * @property {number} start index of its first line, decorators included
 * @property {number} end index behind its last line
 * @property {number | undefined} container index of the line that begins its class
 */

const { default: treeSitter } = await import("@vscode/tree-sitter-wasm");
await treeSitter.Parser.init({ locateFile: (/** @type {string} */ file) => path.join(grammarFolder, file) });
/** @type {Map<string, import("@vscode/tree-sitter-wasm").Parser>} */
const parsers = new Map();

/** @param {string} grammar */
async function parserOf(grammar) {
  const known = parsers.get(grammar);
  if (known) return known;
  const parser = new treeSitter.Parser();
  parser.setLanguage(await treeSitter.Language.load(path.join(grammarFolder, `tree-sitter-${grammar}.wasm`)));
  parsers.set(grammar, parser);
  return parser;
}

/**
 * Functions of the file's own level and of its classes, those of which there is one of that name.
 * @param {string} text
 * @param {string} grammar
 * @returns {Promise<Map<string, Span>>}
 */
async function spansOf(text, grammar) {
  const tree = (await parserOf(grammar)).parse(text);
  /** @type {Span[]} */
  const spans = [];
  /**
   * @param {import("@vscode/tree-sitter-wasm").Node} node
   * @param {string} prefix
   * @param {number | undefined} container
   * @param {number} depth
   */
  const look = (node, prefix, container, depth) => {
    for (const child of node.namedChildren) {
      if (!child) continue;
      const wrapped = /^(?:decorated_definition|export_statement)$/.test(child.type);
      const inner = wrapped ? (child.childForFieldName("definition") ?? child.childForFieldName("declaration")) : child;
      if (!inner) continue;
      const name = inner.childForFieldName("name")?.text ?? inner.childForFieldName("type")?.text ?? "";
      if (functions.test(inner.type)) {
        const receiver = inner.childForFieldName("receiver")?.text ?? "";
        const trait = inner.parent?.parent?.childForFieldName("trait")?.text ?? "";
        spans.push({
          name: `${prefix}${trait}${receiver}.${name}.${inner.childForFieldName("parameters")?.namedChildCount ?? 0}`,
          start: child.startPosition.row,
          end: child.endPosition.row + 1,
          container,
        });
      } else if (containers.test(inner.type) && depth < 3) {
        const body = inner.childForFieldName("body");
        if (body) look(body, `${prefix}${name}.`, inner.startPosition.row, depth + 1);
      }
    }
  };
  if (tree) look(tree.rootNode, "", undefined, 0);
  tree?.delete();
  const count = (/** @type {string} */ name) => spans.filter((span) => span.name === name).length;
  return new Map(spans.filter(({ name }) => count(name) === 1).map((span) => [span.name, span]));
}

const indentOf = (/** @type {string} */ line) => /^[ \t]*/.exec(line)?.[0] ?? "";
const isCode = (/** @type {string} */ line) => /\w/.test(line);

/** @param {string[]} lines */
function dedented(lines) {
  const least = Math.min(...lines.filter((line) => line.trim() !== "").map((line) => indentOf(line).length));
  return lines.map((line) => (line.trim() === "" ? line : line.slice(least)));
}

/**
 * @param {string[]} before
 * @param {string[]} after
 */
function hunksOf(before, after) {
  /** @type {{ old: number, gone: number, now: number, come: number }[]} */
  const hunks = [];
  let [old, now] = [0, 0];
  let open = false;
  for (const { added, removed, count } of diffArrays(before, after)) {
    if (!added && !removed) open = false;
    else if (!open) {
      hunks.push({ old, gone: 0, now, come: 0 });
      open = true;
    }
    const hunk = hunks.at(-1);
    if (removed && hunk) hunk.gone += count;
    if (added && hunk) hunk.come += count;
    if (!added) old += count;
    if (!removed) now += count;
  }
  return hunks;
}

/** Lines in the middle of a function that are the same in both, complete statements: to be left out. */
function leftOut(/** @type {string[]} */ before, /** @type {string[]} */ after) {
  const same = new Set(before);
  for (let start = 1; start < after.length - 4; start++) {
    const first = after[start] ?? "";
    const isInText = after.slice(0, start).join("\n").split('"""').length % 2 === 0;
    if (isInText || !isCode(first) || /^\s*(?:else|elif|except|catch|finally|[.)\]}])/.test(first)) continue;
    for (let end = Math.min(after.length - 1, start + 12); end >= start + 3; end--) {
      const lines = after.slice(start, end);
      const deep = lines.every((line) => line.trim() === "" || indentOf(line).startsWith(indentOf(first)));
      const next = after[end] ?? "";
      const level =
        next.trim() !== "" &&
        indentOf(next).length <= indentOf(first).length &&
        !/^\s*(?:else|elif|except|catch|finally|[.?:&|+])/.test(next);
      const text = lines.join("\n");
      const balanced = ["()", "[]", "{}"].every(
        ([open = "", close = ""]) => text.split(open).length === text.split(close).length,
      );
      if (deep && level && balanced && !/"""|'''|`/.test(text) && lines.every((line) => same.has(line)))
        return { start, end };
    }
  }
  return undefined;
}

/**
 * @param {string} name of the file
 * @param {string} original
 * @param {string} changed
 * @param {string} extension
 */
async function* casesOf(name, original, changed, extension) {
  const grammar = grammars[extension] ?? "";
  const [ours, theirs] = [await spansOf(original, grammar), await spansOf(changed, grammar)];
  const [old, now] = [original.split("\n"), changed.split("\n")];
  const note = extension === "py" ? "#" : "//";
  let count = 0;
  for (const [key, span] of ours) {
    const other = theirs.get(key);
    if (!other || count >= mostOfFile || other.end - other.start < 4) continue;
    const [before, after] = [old.slice(span.start, span.end), now.slice(other.start, other.end)];
    const hunks = hunksOf(before, after);
    if (hunks.length === 0 || hunks.reduce((sum, { gone }) => sum + gone, 0) * 2 > before.length) continue;
    if (indentOf(before[0] ?? "") !== indentOf(after[0] ?? "")) continue;
    count++;
    const lines = [...old.slice(0, span.start), ...after, ...old.slice(span.end)];
    const of = (/** @type {string} */ kind, /** @type {string[]} */ block) => ({
      kind,
      path: name,
      original,
      block: block.join("\n"),
      expected: lines.join("\n"),
    });
    yield of("function", after);
    if (old.length < 400) yield of("whole file", lines);
    const patch = createTwoFilesPatch(`a/${name}`, `b/${name}`, original, lines.join("\n"), undefined, undefined, {
      context: 3,
    });
    yield of("diff", patch.split("\n").slice(1));
    if (span.container !== undefined) {
      yield of("method without indentation", dedented(after));
      const head = old[span.container] ?? "";
      const indent = indentOf(after[0] ?? "");
      const end = extension === "py" ? [] : [`${indentOf(head)}}`];
      if (/[:{]\s*$/.test(head))
        yield of("method in its class", [
          head,
          `${indent}${note} ... existing code ...`,
          "",
          ...after,
          "",
          `${indent}${note} ... rest of the class ...`,
          ...end,
        ]);
    }
    const gap = leftOut(before, after);
    // What goes is told by nothing where other lines are left out.
    if (gap && hunks.every(({ come, gone }) => come >= gone))
      yield of("some left out", [
        ...after.slice(0, gap.start),
        `${indentOf(after[gap.start] ?? "")}${note} ... existing code ...`,
        ...after.slice(gap.end),
      ]);
    const [hunk] = hunks;
    if (hunks.length === 1 && hunk && hunk.old >= 2 && hunk.old + hunk.gone <= before.length - 2) {
      const around = before.slice(hunk.old - 2, hunk.old + hunk.gone + 2);
      const shown = after.slice(hunk.now - 2, hunk.now + hunk.come + 2);
      const isOnce = (/** @type {string[]} */ some) => original.split(some.join("\n")).length === 2;
      const ends = [around.slice(0, 2), around.slice(-2)];
      if (isOnce(around))
        yield of("search and replace", ["<<<<<<< SEARCH", ...around, "=======", ...shown, ">>>>>>> REPLACE"]);
      if (ends.every((some) => isOnce(some) && some.every(isCode))) {
        yield of("lines around a change", shown);
        yield of("lines around a change, without indentation", dedented(shown));
      }
    }
  }
}

const [from, to] = process.argv.slice(2);
if (!from || !to) throw new Error("Name two folders: node scripts/apply-cases.mjs OLD NEW");
for (const name of (await readdir(to, { recursive: true })).sort()) {
  const extension = path.extname(name).slice(1);
  if (!(extension in grammars) || /\.min\.|\.d\.ts$/.test(name)) continue;
  const texts = await Promise.all([from, to].map((folder) => readFile(path.join(folder, name), "utf8"))).catch(
    () => undefined,
  );
  const [original = "", changed = ""] = texts ?? [];
  if (
    original === changed ||
    original.length > longestFile ||
    changed.length > longestFile ||
    /\r/.test(original + changed)
  )
    continue;
  for await (const each of casesOf(name.replaceAll("\\", "/"), original, changed, extension))
    console.log(JSON.stringify(each));
}
