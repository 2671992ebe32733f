/** Parsers for what is suggested, of tree-sitter. Knows no VS Code. */
import path from "node:path";
import type { Language, Node, Parser, Point, Tree } from "@vscode/tree-sitter-wasm";
import type { SyntaxErrors } from "../filters/syntax.js";

/** Language identifiers of VS Code, and the grammars that come with the extension: tree-sitter-NAME.wasm. */
const grammars: Readonly<Record<string, string>> = {
  go: "go",
  java: "java",
  javascript: "javascript",
  javascriptreact: "javascript",
  python: "python",
  rust: "rust",
  typescript: "typescript",
  typescriptreact: "tsx",
};
/** Longer texts are not parsed, in characters: for the first time that takes long. */
const longestText = 50_000;

type TreeSitter = typeof import("@vscode/tree-sitter-wasm");

export class Grammars {
  private library: Promise<TreeSitter> | undefined;
  /** By the grammar's name. */
  private readonly parsers = new Map<string, IncrementalParser>();
  private readonly loading = new Map<string, Promise<void>>();

  /**
   * @param folder of tree-sitter.wasm and the grammars
   * @param log told what could not be loaded
   */
  constructor(
    private readonly folder: string,
    private readonly log: (line: string) => void,
  ) {}

  /**
   * Judges insertions at a place of a text. Undefined where no grammar is at hand; the first call for a language loads it.
   * @param offset of the insertions, in characters
   */
  errorsIn(language: string, text: string, offset: number): SyntaxErrors | undefined {
    const name = grammars[language];
    if (name === undefined || text.length > longestText) return undefined;
    void this.ready(language);
    const parser = this.parsers.get(name);
    return parser && ((inserted) => errorsOf(parser.parse(text.slice(0, offset) + inserted + text.slice(offset))));
  }

  /** Resolves when the grammar of a language can be used; also where there is none, or it could not be loaded. */
  ready(language: string): Promise<void> {
    const name = grammars[language];
    if (name === undefined) return Promise.resolve();
    const loading = this.loading.get(name) ?? this.load(name);
    this.loading.set(name, loading);
    return loading;
  }

  private async load(name: string): Promise<void> {
    try {
      this.library ??= this.start();
      const { Language, Parser } = await this.library;
      const parser = new Parser();
      const language: Language = await Language.load(path.join(this.folder, `tree-sitter-${name}.wasm`));
      this.parsers.set(name, new IncrementalParser(parser.setLanguage(language)));
    } catch (error) {
      this.log(`grammar ${name}: ${String(error)}`);
    }
  }

  private async start(): Promise<TreeSitter> {
    // Its default is all of it, bundled or not.
    const { default: library } = await import("@vscode/tree-sitter-wasm");
    await library.Parser.init({ locateFile: (file) => path.join(this.folder, file) });
    return library;
  }
}

/** Parses anew only what differs from the text before: a suggestion, or a key. */
class IncrementalParser {
  private last: { text: string; tree: Tree } | undefined;

  constructor(private readonly parser: Parser) {}

  /** @returns its root; undefined where the parser has given up */
  parse(text: string): Node | undefined {
    const { last } = this;
    if (last) edit(last.tree, last.text, text);
    const tree = this.parser.parse(text, last?.tree);
    last?.tree.delete();
    this.last = tree ? { text, tree } : undefined;
    return tree?.rootNode;
  }
}

/** Tells a tree what has become of its text. */
function edit(tree: Tree, before: string, after: string): void {
  let start = 0;
  const most = Math.min(before.length, after.length);
  while (start < most && before[start] === after[start]) start++;
  let same = 0;
  while (same < most - start && before.at(-1 - same) === after.at(-1 - same)) same++;
  const [oldEndIndex, newEndIndex] = [before.length - same, after.length - same];
  tree.edit({
    ...{ startIndex: start, oldEndIndex, newEndIndex },
    startPosition: pointAt(before, start),
    oldEndPosition: pointAt(before, oldEndIndex),
    newEndPosition: pointAt(after, newEndIndex),
  });
}

function pointAt(text: string, index: number): Point {
  const before = text.slice(0, index);
  const line = before.lastIndexOf("\n") + 1;
  return { row: before.split("\n").length - 1, column: index - line };
}

/** How many places are wrong: what fits nowhere, and what is missing. */
function errorsOf(node: Node | undefined): number {
  if (!node?.hasError) return 0;
  const own = node.isError || node.isMissing ? 1 : 0;
  return node.children.reduce((sum, child) => sum + errorsOf(child ?? undefined), own);
}
