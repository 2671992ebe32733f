// Derives sessions for "npm run bench:inline" from two versions of an npm package: what was added is typed.
// node scripts/inline-sessions.mjs PACKAGE OLD NEW FOLDER > FILE.jsonl
// With one version, lines are typed that name a member which only an imported file knows, with a pause before the name.
// node scripts/inline-sessions.mjs --members PACKAGE VERSION FOLDER > FILE.jsonl
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { unpackPackage } from "./npm-registry.mjs";
import { CommandFailed, run } from "./process.mjs";

/** Additions of so many lines become a session, and so many of one file at most. */
const [fewestLines, mostLines, mostOfFile] = [2, 9, 4];
/** Other files that are longer are left out, in characters. */
const longestFile = 12_000;
/** More of a file is not looked at. */
const mostLinesAfter = 100;
const pauseMs = 1500;

/**
 * Places of new lines in the new file: from the first line's number, from 0, and how many there are.
 * @param {string} before
 * @param {string} after
 */
async function additions(before, after) {
  const diff = await run("git", ["diff", "--no-index", "-U0", before, after]).catch((error) => {
    // It says 1 where files differ.
    if (error instanceof CommandFailed) return error.output;
    throw error;
  });
  return [...diff.matchAll(/^@@ -\S+ \+(\d+)(?:,(\d+))? @@/gm)].map(([, line, count = "1"]) => ({
    start: Number(line) - 1,
    count: Number(count),
    pause: undefined,
  }));
}

/**
 * One pause in each line that is long enough, where a word ends in its first half.
 * @param {string} typed
 */
function pausesIn(typed) {
  /** @type {[number, number][]} */
  const pauses = [];
  let offset = 0;
  for (const line of typed.split("\n")) {
    const indent = line.length - line.trimStart().length;
    const place = indent + Math.floor((line.length - indent) * 0.35);
    const end = line.slice(place).search(/[\s(.=,]/);
    if (line.trim().length >= 14 && end !== -1 && !/^\s*(\/\/|\*|\/\*)/.test(line)) {
      pauses.push([offset + place + end + 1, pauseMs]);
    }
    offset += line.length + 1;
  }
  return pauses;
}

/**
 * @param {string} folder of an unpacked package
 * @param {string} inside a folder in it
 */
async function textsIn(folder, inside) {
  const names = (await readdir(path.join(folder, inside))).filter((file) => /\.[cm]?js$/.test(file)).sort();
  /** @type {Record<string, string>} */
  const texts = {};
  for (const file of names) texts[`${inside}/${file}`] = await readFile(path.join(folder, inside, file), "utf8");
  return texts;
}

/**
 * Other files that a file imports, by its text.
 * @param {Record<string, string>} texts
 * @param {string} file
 */
const importedBy = (texts, file) =>
  Object.entries(texts).filter(
    ([other, text]) =>
      other !== file &&
      text.length <= longestFile &&
      [`/${path.basename(other)}`, `/${path.basename(other).replace(/\.\w+$/, "")}`].some((name) =>
        ["'", '"'].some((quote) => texts[file]?.includes(name + quote)),
      ),
  );

/** Objects whose members every model knows. */
const builtIn =
  /^(arguments|Array|Buffer|console|exports|JSON|Math|module|Number|Object|process|Promise|String|Symbol)$/;

/**
 * Lines of a file that name a member which stands nowhere else in it, but is defined in a file that it imports.
 * @param {string} text
 * @param {readonly [string, string][]} others
 */
function members(text, others) {
  const found = [];
  for (const [number, line] of text.split("\n").entries()) {
    const [member] = line.matchAll(/\b(\w+)\.([a-zA-Z]\w{4,})\b/g);
    const [whole = "", object = "", name = ""] = member ?? [];
    if (!member || builtIn.test(object) || line.length > 100 || /^\s*(\/\/|\*|\/\*)/.test(line)) continue;
    const uses = [...text.matchAll(new RegExp(`\\b${name}\\b`, "g"))];
    const definition = new RegExp(
      `\\bfunction ${name}\\b|\\b${name}\\s*[:=](?!=)|^\\s*(async )?${name}\\s*\\(.*\\{$`,
      "m",
    );
    if (uses.length !== 1 || !others.some(([, other]) => definition.test(other))) continue;
    found.push({ start: number, count: 1, pause: member.index + whole.length - name.length });
  }
  return found;
}

const [first, ...rest] = process.argv.slice(2);
const byMembers = first === "--members";
const [name, oldVersion, newVersion, folder = "lib"] = byMembers
  ? [rest[0], rest[1], rest[1], rest[2]]
  : [first, ...rest];
const temporary = await mkdtemp(path.join(tmpdir(), "flint-sessions-"));
try {
  const [before, after] = [path.join(temporary, "old"), path.join(temporary, "new")];
  if (!byMembers) await unpackPackage(`${name}@${oldVersion}`, before);
  await unpackPackage(`${name}@${newVersion}`, after);
  const texts = await textsIn(after, folder);
  for (const file of Object.keys(texts)) {
    const lines = (texts[file] ?? "").split("\n");
    const others = importedBy(texts, file);
    const places = byMembers
      ? members(texts[file] ?? "", others)
      : await additions(path.join(before, file), path.join(after, file));
    const fitting = places.filter(({ count }) => byMembers || (count >= fewestLines && count <= mostLines));
    for (const { start, count, pause } of fitting.slice(0, mostOfFile)) {
      const typed = lines.slice(start, start + count).join("\n");
      const pausesMs = pause === undefined ? pausesIn(typed) : [[pause, pauseMs]];
      if (pausesMs.length === 0) continue;
      const session = {
        files: Object.fromEntries(others),
        path: file,
        before: lines
          .slice(0, start)
          .map((line) => `${line}\n`)
          .join(""),
        typed,
        after: `\n${lines.slice(start + count, start + count + mostLinesAfter).join("\n")}`,
        pausesMs,
      };
      process.stdout.write(`${JSON.stringify(session)}\n`);
    }
  }
} finally {
  await rm(temporary, { recursive: true });
}
