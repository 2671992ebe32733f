/**
 * The file of one entry: llama.cpp's state of a sequence, and after it what it is the state of. It is at the end because llama.cpp
 * writes and reads its part by a path, from the file's first byte. docs/kv-cache.md has the layout.
 */
import { createHash, type Hash } from "node:crypto";
import { type FileHandle, open } from "node:fs/promises";
import * as z from "zod";

const magic = Buffer.from("FLINTKV1");
const version = 1;
const digestBytes = 32;
/** Length of the description, its digest, magic. */
const footerBytes = 4 + digestBytes + magic.length;
/** Of a description, in bytes: some millions of tokens. */
const longestDescription = 64 * 1024 ** 2;
/** Of what is read at once, in bytes. */
const stepBytes = 1024 ** 2;
/** Token positions are 32-bit numbers in llama.cpp. */
const largestToken = 2 ** 31 - 1;

const hexDigest = z.string().regex(/^[0-9a-f]{64}$/);
const description = z.strictObject({
  version: z.literal(version),
  key: hexDigest,
  stateBytes: z.int().min(1),
  /** SHA-256 of the state. */
  stateDigest: hexDigest,
  tokens: z.array(z.int().min(0).max(largestToken)).min(1),
});

/** An entry as its file describes it. */
export interface Entry {
  /** Of all that the bytes of a state depend on beside the tokens. */
  key: string;
  tokens: Uint32Array;
  stateBytes: number;
  stateDigest: string;
}

/** A file that is not what it should be. */
export class DamagedEntry extends Error {}

/**
 * Adds to a file with a state what it is the state of, and has it reach the disk.
 * @param turn awaited before each piece of work: the disk may be needed for something else
 * @throws Error where the file has not all of the state; the system's error
 */
export async function describeState(
  path: string,
  entry: Pick<Entry, "key" | "tokens" | "stateBytes">,
  turn: () => Promise<void>,
): Promise<void> {
  const { key, tokens, stateBytes } = entry;
  const file = await open(path, "r+");
  try {
    const { size } = await file.stat();
    // llama.cpp does not look at how closing a file ends.
    if (size !== stateBytes) throw new Error(`${size} of ${stateBytes} bytes were written. Is the disk full?`);
    const stateDigest = await digestOf(file, stateBytes, turn);
    const text = JSON.stringify({ version, key, stateBytes, stateDigest, tokens: [...tokens] });
    const described = Buffer.from(text);
    const length = Buffer.alloc(4);
    length.writeUInt32LE(described.length);
    const end = Buffer.concat([described, length, createHash("sha256").update(described).digest(), magic]);
    await file.write(end, 0, end.length, stateBytes);
    await turn();
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Reads what a file describes, but not the state. @throws DamagedEntry; the system's error */
export async function readEntry(path: string): Promise<Entry> {
  const file = await open(path, "r");
  try {
    const { size } = await file.stat();
    if (size < footerBytes) throw new DamagedEntry("it is cut short");
    const footer = await read(file, size - footerBytes, footerBytes);
    if (!footer.subarray(4 + digestBytes).equals(magic)) throw new DamagedEntry("its end is not that of an entry");
    const length = footer.readUInt32LE(0);
    const stateBytes = size - footerBytes - length;
    if (stateBytes < 1 || length > longestDescription) throw new DamagedEntry("its description has no room in it");
    const described = await read(file, stateBytes, length);
    const digest = createHash("sha256").update(described).digest();
    if (!digest.equals(footer.subarray(4, 4 + digestBytes))) throw new DamagedEntry("its description was changed");
    const parsed = description.safeParse(JSON.parse(described.toString()));
    if (!parsed.success) throw new DamagedEntry("it is of another version");
    const { tokens, ...rest } = parsed.data;
    if (rest.stateBytes !== stateBytes) throw new DamagedEntry("its state has another length");
    return { ...rest, tokens: Uint32Array.from(tokens) };
  } catch (error) {
    throw error instanceof SyntaxError ? new DamagedEntry("its description is no JSON") : error;
  } finally {
    await file.close();
  }
}

/** Reads all of the state and compares. @throws DamagedEntry; the signal's reason; the system's error */
export async function checkState(path: string, entry: Entry, signal: AbortSignal): Promise<void> {
  const file = await open(path, "r");
  try {
    const digest = await digestOf(file, entry.stateBytes, async () => signal.throwIfAborted());
    if (digest !== entry.stateDigest) throw new DamagedEntry("its state was changed");
  } finally {
    await file.close();
  }
}

async function digestOf(file: FileHandle, bytes: number, turn: () => Promise<void>): Promise<string> {
  const hash: Hash = createHash("sha256");
  const buffer = Buffer.allocUnsafe(Math.min(stepBytes, bytes));
  for (let at = 0; at < bytes; ) {
    await turn();
    const { bytesRead } = await file.read(buffer, 0, Math.min(buffer.length, bytes - at), at);
    if (bytesRead === 0) throw new DamagedEntry("it is cut short");
    hash.update(buffer.subarray(0, bytesRead));
    at += bytesRead;
  }
  return hash.digest("hex");
}

async function read(file: FileHandle, offset: number, length: number): Promise<Buffer> {
  const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, offset);
  if (bytesRead !== length) throw new DamagedEntry("it is cut short");
  return buffer;
}
