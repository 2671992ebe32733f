// Derives replayed edits for "npm run bench:inline -- --edits" from two versions of an npm package: a line that was changed, and
// what else was changed in the same file. node scripts/inline-edits.mjs PACKAGE OLD NEW FOLDER > FILE.jsonl
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { unpackPackage } from "./npm-registry.mjs";
import { CommandFailed, run } from "./process.mjs";

const longestFile = 200_000;
const mostOfFile = 6;

/**
 * What was changed, in the order of the file: the number of the first line in the old file and in the new one, from 0, and how
 * many there are.
 * @param {string} before
 * @param {string} after
 */
async function hunksOf(before, after) {
  const diff = await run("git", ["diff", "--no-index", "-U0", before, after]).catch((error) => {
    // It says 1 where files differ.
    if (error instanceof CommandFailed) return error.output;
    throw error;
  });
  return [...diff.matchAll(/^@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@/gm)].map(
    ([, old, gone = "1", now, come = "1"]) => ({
      // Where nothing is there, the line before is told.
      old: Number(old) - (gone === "0" ? 0 : 1),
      gone: Number(gone),
      now: Number(now) - (come === "0" ? 0 : 1),
      come: Number(come),
    }),
  );
}

const isCode = (/** @type {string | undefined} */ line) =>
  line !== undefined && line.trim() !== "" && !/^\s*(\/\/|\*|\/\*|#)/.test(line);

const [name, oldVersion, newVersion, folder = "lib"] = process.argv.slice(2);
const temporary = await mkdtemp(path.join(tmpdir(), "flint-edits-"));
try {
  const [before, after] = [path.join(temporary, "old"), path.join(temporary, "new")];
  await unpackPackage(`${name}@${oldVersion}`, before);
  await unpackPackage(`${name}@${newVersion}`, after);
  const names = (await readdir(path.join(after, folder), { recursive: true })).filter((file) =>
    /\.[cm]?[jt]s$/.test(file),
  );
  for (const file of names.sort()) {
    const [from, to] = [path.join(before, folder, file), path.join(after, folder, file)];
    const texts = await Promise.all([readFile(from, "utf8"), readFile(to, "utf8")]).catch(() => undefined);
    if (!texts || texts.some((text) => text.length > longestFile)) continue;
    const [old = [], now = []] = texts.map((text) => text.replaceAll("\r\n", "\n").split("\n"));
    const hunks = await hunksOf(from, to);
    let count = 0;
    for (const hunk of hunks) {
      const [original, line] = [old[hunk.old], now[hunk.now]];
      if (hunk.gone !== hunk.come || !isCode(original) || !isCode(line) || count >= mostOfFile) continue;
      const lines = [...old.slice(0, hunk.old), line, ...old.slice(hunk.old + 1)];
      // Further lines of the same place, and other places.
      const further = { ...hunk, old: hunk.old + 1, now: hunk.now + 1, gone: hunk.gone - 1, come: hunk.come - 1 };
      const others = hunks.filter((each) => each !== hunk);
      const edits = [...(hunk.gone > 1 ? [further] : []), ...others].map((next) => ({
        line: next.old,
        before: old.slice(next.old, next.old + next.gone),
        after: now.slice(next.now, next.now + next.come),
      }));
      process.stdout.write(
        `${JSON.stringify({ path: `${folder}/${file}`, text: lines.join("\n"), line: hunk.old, original, edits })}\n`,
      );
      count++;
    }
  }
} finally {
  await rm(temporary, { recursive: true });
}
