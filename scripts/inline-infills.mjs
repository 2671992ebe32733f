// Derives infills for "npm run bench:inline -- --infills" from npm packages with sources of eight languages: a third of them with
// tabs, a third with CRLF. node scripts/inline-infills.mjs > FILE.jsonl
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { unpackPackage } from "./npm-registry.mjs";

/** Languages by VS Code's identifier: a package under a permissive licence, a folder in it, and how its files' names end. */
const sources = [
  { language: "javascript", of: "mocha@11.7.4", folder: "lib", ending: ".js" },
  { language: "typescript", of: "zod@4.1.12", folder: "src/v4/core", ending: ".ts" },
  { language: "python", of: "node-gyp@11.5.0", folder: "gyp/pylib", ending: ".py" },
  {
    language: "java",
    of: "react-native@0.76.9",
    folder: "ReactAndroid/src/main/java/com/facebook/react/bridge",
    ending: ".java",
  },
  { language: "kotlin", of: "react-native@0.76.9", folder: "ReactAndroid/src/main/java", ending: ".kt" },
  { language: "cpp", of: "react-native@0.76.9", folder: "ReactCommon", ending: ".cpp" },
  { language: "ruby", of: "react-native@0.76.9", folder: "scripts/cocoapods", ending: ".rb" },
  { language: "objective-c", of: "react-native@0.76.9", folder: "React/Base", ending: ".m" },
];
const ofLanguage = 38;
const ofFile = 5;
/** Around a cursor, in lines. */
const [linesBefore, linesAfter] = [16, 8];
const closers = new Map([
  ["(", ")"],
  ["[", "]"],
  ["{", "}"],
]);

/**
 * Where a person may be in a line: at its beginning, or after what was typed of it, with brackets that the editor has closed.
 * @param {string} line
 * @param {number} kind
 */
function cut(line, kind) {
  const indent = line.length - line.trimStart().length;
  if (kind === 0) return { head: line.slice(0, indent), tail: "" };
  const places = [...line.matchAll(/[\s([{=.,]+/g)].map(({ index, 0: mark }) => index + mark.length);
  const inside = places.filter((place) => place > indent + 2 && place < line.trimEnd().length);
  const place = inside[Math.floor(inside.length / 2)];
  if (place === undefined) return undefined;
  const head = line.slice(0, place);
  if (kind === 1) return { head, tail: "" };
  /** @type {string[]} */
  const open = [];
  for (const char of head) {
    const close = closers.get(char);
    if (close !== undefined) open.unshift(close);
    else if (char === open[0]) open.shift();
  }
  // The editor closes brackets, and a person writes the semicolon before.
  return { head, tail: open.join("") + (kind === 3 && line.trimEnd().endsWith(";") ? ";" : "") };
}

const unpacked = new Map();
const temporary = await mkdtemp(path.join(tmpdir(), "flint-infills-"));
try {
  for (const { language, of, folder, ending } of sources) {
    const home = unpacked.get(of) ?? path.join(temporary, `${unpacked.size}`);
    if (!unpacked.has(of)) await unpackPackage(of, home);
    unpacked.set(of, home);
    const names = await readdir(path.join(home, folder), { recursive: true });
    let count = 0;
    for (const name of names.filter((each) => each.endsWith(ending)).sort()) {
      if (count >= ofLanguage) break;
      const text = (await readFile(path.join(home, folder, name), "utf8")).replaceAll("\r\n", "\n");
      const lines = text.split("\n");
      if (lines.length < 60 || text.length > 200_000) continue;
      const form = ["", "tabs", "crlf"][Math.floor(count / ofFile) % 3];
      for (let nth = 0; nth < ofFile && count < ofLanguage; nth++) {
        const from = Math.floor((lines.length * (nth + 1)) / (ofFile + 1));
        const number = lines.findIndex(
          (line, i) => i >= from && /\w{2}.*\W.*\w/.test(line) && !/^\s*(\/\/|\*|#|\/\*)/.test(line),
        );
        const parts = number === -1 ? undefined : cut(lines[number] ?? "", (count + nth) % 4);
        if (!parts) continue;
        const shape = (/** @type {string} */ part) => {
          const step = lines.some((line) => /^ {2}\S/.test(line)) ? 2 : 4;
          const indented =
            form === "tabs"
              ? part.replaceAll(/^ +/gm, (blanks) => "\t".repeat(Math.floor(blanks.length / step)))
              : part;
          return form === "crlf" ? indented.replaceAll("\n", "\r\n") : indented;
        };
        const before = [...lines.slice(Math.max(0, number - linesBefore), number), parts.head].join("\n");
        const after = [parts.tail, ...lines.slice(number + 1, number + 1 + linesAfter)].join("\n");
        process.stdout.write(
          `${JSON.stringify({ language, path: `${folder}/${name}`, before: shape(before), after: shape(after) })}\n`,
        );
        count++;
      }
    }
    if (count < ofLanguage) process.stderr.write(`${language}: ${count} infills only\n`);
  }
} finally {
  await rm(temporary, { recursive: true });
}
