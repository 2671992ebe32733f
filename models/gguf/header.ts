/**
 * How long the header of a GGUF file is, told from its beginning, so that no more is fetched. What it means is the
 * planner's affair. Format: the GGUF specification, ggml's docs/gguf.md.
 */
import * as l10n from "@vscode/l10n";
import { DownloadError } from "../errors.js";

/** Ten times the largest vocabulary there is: a header beyond it is a mistake or a trap. */
export const longestHeader = 64 << 20;

/** Bytes of a value of each type, by its number; strings (8) and arrays (9) have no fixed length. */
const valueBytes = [1, 1, 2, 2, 4, 4, 4, 1, undefined, undefined, 8, 8, 8];
const floatType = 6;
const stringType = 8;
const arrayType = 9;
/** Several times those of any model; the engine's reader compares each name with all before it. */
const mostTensors = 8192;
const mostValues = 8192;
/** ggml's own limits: GGML_MAX_DIMS, GGML_MAX_NAME with its end. */
const mostDimensions = 4;
const longestName = 63;

/** There are not enough bytes yet to go on. */
class More extends Error {}

class Cursor {
  position = 0;
  constructor(private readonly bytes: Buffer) {}

  take(count: number): number {
    const at = this.position;
    if (at + count > longestHeader) throw bad(`its header would be longer than ${longestHeader >> 20} MiB`);
    if (at + count > this.bytes.length) throw new More();
    this.position = at + count;
    return at;
  }

  uint32(): number {
    return this.bytes.readUInt32LE(this.take(4));
  }

  /** A 64-bit number that must make sense as a length, a count or an offset. */
  uint64(what: string, most: number): number {
    const at = this.take(8);
    const value = this.bytes.readUInt32LE(at + 4) * 2 ** 32 + this.bytes.readUInt32LE(at);
    if (value > most) throw bad(`${what} is ${value}, more than ${most}`);
    return value;
  }

  /** Passes over `count` values of `size` bytes at least; `count` is checked before anything is multiplied. */
  skip(count: number, size: number): void {
    this.take(count * size);
  }

  string(what: string, most = longestHeader): number {
    const length = this.uint64(`the length of ${what}`, most);
    this.skip(length, 1);
    return length;
  }

  text(what: string): string {
    const length = this.string(what);
    return this.bytes.toString("utf8", this.position - length, this.position);
  }

  value(type: number): void {
    if (type === stringType) {
      this.string("a value");
      return;
    }
    if (type === arrayType) {
      const element = this.uint32();
      // Each string begins with its length.
      const least = element === stringType ? 8 : sizeOf(element);
      const count = this.uint64("the length of an array", Math.floor(longestHeader / least));
      if (element === stringType) for (let i = 0; i < count; i++) this.string("a value");
      else this.skip(count, least);
      return;
    }
    this.skip(1, sizeOf(type));
  }
}

function sizeOf(type: number): number {
  const size = valueBytes[type];
  if (size === undefined) throw bad(`it has a value of the unknown type ${type}`);
  return size;
}

function bad(why: string): DownloadError {
  return new DownloadError("damaged", l10n.t("This is not a usable GGUF model: {0}.", why));
}

/** The values that a header begins with, as far as `beginning` goes, and from where to where each of them is. */
function* values(beginning: Buffer): Generator<{ name: string; type: number; start: number; end: number }, void> {
  const cursor = new Cursor(beginning);
  try {
    if (beginning.toString("latin1", cursor.take(4), cursor.position) !== "GGUF") return;
    cursor.skip(12, 1);
    const count = cursor.uint64("the number of values", mostValues);
    for (let i = 0; i < count; i++) {
      const name = cursor.text("a name");
      const type = cursor.uint32();
      const start = cursor.position;
      cursor.value(type);
      yield { name, type, start, end: cursor.position };
    }
  } catch (error) {
    if (!(error instanceof More || error instanceof DownloadError)) throw error;
  }
}

/**
 * What kind of model it is, by the beginning of its header.
 * @returns `general.architecture`; undefined where that does not begin with it, or is no header
 */
export function architectureOf(beginning: Buffer): string | undefined {
  for (const { name, type, start, end } of values(beginning)) {
    if (name !== "general.architecture") continue;
    return type === stringType ? beginning.toString("utf8", start + 8, end) : undefined;
  }
  return undefined;
}

/** What computing only predicted neurons costs, as a share of the perplexity, by the beginning of a converted model's header. */
export function predictionCostOf(beginning: Buffer): number | undefined {
  const perplexity: Record<string, number> = {};
  for (const { name, type, start } of values(beginning)) {
    if (!name.startsWith("flint.")) break;
    if (type === floatType) perplexity[name] = beginning.readFloatLE(start);
  }
  const { "flint.perplexity.dense": dense = 0, "flint.perplexity.predict": predict = 0 } = perplexity;
  return dense > 0 && predict > 0 ? predict / dense - 1 : undefined;
}

/**
 * @param beginning the first bytes of the file
 * @param fileBytes the length of the whole file, where it is known
 * @returns the length of the header in bytes; undefined where `beginning` does not reach its end
 * @throws DownloadError `damaged` for what is no GGUF file, or one whose numbers make no sense
 */
export function headerLength(beginning: Buffer, fileBytes = Number.MAX_SAFE_INTEGER): number | undefined {
  const magic = beginning.subarray(0, 4).toString("latin1");
  if (beginning.length >= 4 && magic !== "GGUF") {
    const shown = beginning
      .subarray(0, 15)
      .toString("latin1")
      .replace(/[^ -~]/g, ".");
    throw bad(`it begins with “${shown}”${/^\s*</.test(shown) ? ": perhaps a web page was found instead" : ""}`);
  }
  const cursor = new Cursor(beginning);
  try {
    cursor.skip(4, 1);
    const version = cursor.uint32();
    if (version !== 2 && version !== 3) throw bad(`it has version ${version} of the format, not 2 or 3`);
    const tensors = cursor.uint64("the number of tensors", mostTensors);
    const values = cursor.uint64("the number of values", mostValues);
    for (let i = 0; i < values; i++) {
      cursor.string("a name", 65_535);
      cursor.value(cursor.uint32());
    }
    for (let i = 0; i < tensors; i++) {
      cursor.string("a tensor's name", longestName);
      const dimensions = cursor.uint32();
      if (dimensions > mostDimensions) throw bad(`a tensor has ${dimensions} dimensions`);
      let elements = 1;
      for (let d = 0; d < dimensions; d++) {
        elements *= cursor.uint64("a dimension of a tensor", Number.MAX_SAFE_INTEGER);
        // No type takes less than a bit for an element.
        if (elements === 0 || elements > fileBytes * 8) throw bad("a tensor's shape does not fit the file");
      }
      cursor.uint32();
      cursor.uint64("a tensor's offset", fileBytes);
    }
    return cursor.position;
  } catch (error) {
    if (error instanceof More) {
      if (beginning.length >= fileBytes) throw bad(`it ends within its header, after ${fileBytes} bytes`);
      return undefined;
    }
    throw error;
  }
}
