/**
 * A zip archive as it arrives: its members in their order, by their local headers, without looking back. APPNOTE.TXT
 * 6.3.10: 4.3.7 (local header), 4.3.9 (data descriptor), 4.5.3 (Zip64).
 *
 * Of the libraries that read zips without seeking, `fflate` and `unzip-stream` search the data for the signature that ends
 * a member, which compressed data holds by chance, check no CRC, and take encrypted members for plain ones. Here zlib
 * itself tells where the data ends.
 */

import { crc32, createInflateRaw } from "node:zlib";
import * as l10n from "@vscode/l10n";
import { DownloadError } from "../errors.js";

/** What takes a member's bytes. A chunk may change when the promise has resolved. */
export type Consumer = (chunk: Uint8Array) => Promise<void>;

export interface ZipMember {
  name: string;
  /** As the header claims; undefined where the archive says it only after the data. */
  bytes: number | undefined;
}

const signatures = { local: 0x04034b50, descriptor: 0x08074b50, directory: 0x02014b50, end: 0x06054b50 };
const flags = { encrypted: 0x0001, descriptor: 0x0008, strong: 0x0040, masked: 0x2000 };
const methods = { stored: 0, deflated: 8 };
const zip64Field = 0x0001;
/** In a 32-bit field: the Zip64 field has the value. */
const inZip64 = 0xffffffff;
const inflatedBytes = 256 << 10;
/** Of a member that nobody wants, and whose end only zlib can tell: wheels have next to nothing beside their data. */
const mostPassedBytes = 64 << 20;

/**
 * Reads the members of an archive until its directory begins, then the rest of the source.
 * @param what it is, for people
 * @param open says who takes a member; undefined passes over it
 * @throws DownloadError `damaged` for what is no such archive, or not the one that its headers and checksums describe;
 *   what the source and the consumers throw
 */
export async function readZip(
  source: AsyncIterable<Uint8Array>,
  what: string,
  open: (member: ZipMember) => Consumer | undefined | Promise<Consumer | undefined>,
): Promise<void> {
  const input = new Input(source, what);
  try {
    while (true) {
      const signature = (await input.take(4)).readUInt32LE();
      if (signature === signatures.directory || signature === signatures.end) break;
      if (signature !== signatures.local) throw damaged(what, "something other than a member begins where one ends");
      await readMember(input, what, open);
    }
    // Whoever hashes the archive wants all of it.
    while (await input.next()) {}
  } finally {
    await input.close();
  }
}

async function readMember(input: Input, what: string, open: Parameters<typeof readZip>[2]): Promise<void> {
  const header = await readHeader(input, what);
  const { name, sizes, method } = header;
  const consumer = await open({ name, bytes: sizes?.plain });
  if (!consumer && sizes) return input.pass(sizes.packed);
  let crc = 0;
  let plain = 0;
  const consume: Consumer = async (chunk) => {
    plain += chunk.length;
    if (plain > (sizes?.plain ?? (consumer ? Number.POSITIVE_INFINITY : mostPassedBytes))) {
      throw damaged(what, `${name} is longer than it may be`);
    }
    crc = crc32(chunk, crc);
    await consumer?.(chunk);
  };
  const packed =
    method === methods.stored
      ? await copy(input, sizes?.packed ?? 0, consume)
      : await inflate(input, sizes?.packed, `${what}: ${name}`, consume);
  const promised = sizes ? { ...sizes, crc: header.crc } : await readDescriptor(input, crc, header.zip64);
  if (promised.plain !== plain || promised.packed !== packed) throw damaged(what, `${name} is not as long as promised`);
  if (promised.crc !== crc) throw damaged(what, `${name} does not match its checksum`);
}

interface Sizes {
  packed: number;
  plain: number;
}

async function readHeader(input: Input, what: string) {
  const fixed = await input.take(26);
  const flag = fixed.readUInt16LE(2);
  const method = fixed.readUInt16LE(4);
  const name = (await input.take(fixed.readUInt16LE(22))).toString("utf8");
  const extra = await input.take(fixed.readUInt16LE(24));
  requirePlainName(name, what);
  if (flag & (flags.encrypted | flags.strong | flags.masked)) throw damaged(what, `${name} is encrypted`);
  if (method !== methods.stored && method !== methods.deflated) {
    throw damaged(what, `${name} is compressed in a way that wheels do not use (method ${method})`);
  }
  const later = (flag & flags.descriptor) !== 0;
  if (later && method === methods.stored) throw damaged(what, `nothing tells where ${name} ends`);
  const zip64 = findField(extra, zip64Field);
  const sizes = later ? undefined : sizesOf(fixed.readUInt32LE(14), fixed.readUInt32LE(18), zip64, name, what);
  return { name, method, sizes, crc: fixed.readUInt32LE(10), zip64: zip64 !== undefined };
}

/** Nothing is written by these names; but an archive that tries is not one to trust. */
function requirePlainName(name: string, what: string): void {
  const parts = name.split("/");
  if (name === "" || /[\\\0:]/.test(name) || parts[0] === "" || parts.some((part) => /^\.\.?$/.test(part))) {
    throw damaged(what, `“${name}” is no name for a member`);
  }
}

function sizesOf(packed: number, plain: number, zip64: Buffer | undefined, name: string, what: string): Sizes {
  if (packed !== inZip64 && plain !== inZip64) return { packed, plain };
  // In this order, each only where its own field refers to it; in a local header both do (4.5.3).
  const [first, second] = zip64 && zip64.length >= 16 ? [zip64.readBigUInt64LE(0), zip64.readBigUInt64LE(8)] : [];
  if (first === undefined || second === undefined) throw damaged(what, `the length of ${name} is missing`);
  return { plain: safe(first, name, what), packed: safe(second, name, what) };
}

function safe(value: bigint, name: string, what: string): number {
  if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw damaged(what, `the length of ${name} is ${value}`);
  return Number(value);
}

function findField(extra: Buffer, wanted: number): Buffer | undefined {
  for (let at = 0; at + 4 <= extra.length; ) {
    const size = extra.readUInt16LE(at + 2);
    if (extra.readUInt16LE(at) === wanted) return extra.subarray(at + 4, at + 4 + size);
    at += 4 + size;
  }
  return undefined;
}

/** With or without its signature (4.3.9.3), which no other field begins with but by a chance of one in 2³². */
async function readDescriptor(input: Input, crc: number, zip64: boolean): Promise<Sizes & { crc: number }> {
  let first = (await input.take(4)).readUInt32LE();
  if (first === signatures.descriptor && crc !== signatures.descriptor) first = (await input.take(4)).readUInt32LE();
  const rest = await input.take(zip64 ? 16 : 8);
  const size = (at: number) => (zip64 ? Number(rest.readBigUInt64LE(2 * at)) : rest.readUInt32LE(at));
  return { crc: first, packed: size(0), plain: size(4) };
}

async function copy(input: Input, bytes: number, consume: Consumer): Promise<number> {
  for (let left = bytes; left > 0; ) {
    const chunk = await input.some(left);
    left -= chunk.length;
    await consume(chunk);
  }
  return bytes;
}

/**
 * @param packed where it ends; undefined: where zlib says that it does
 * @returns how long the compressed data was
 */
async function inflate(input: Input, packed: number | undefined, what: string, consume: Consumer): Promise<number> {
  const stream = createInflateRaw({ chunkSize: inflatedBytes });
  const consumed = (async () => {
    for await (const chunk of stream) await consume(chunk);
  })();
  // Told to whoever waits for it below.
  consumed.catch(() => undefined);
  try {
    let given = 0;
    while (packed === undefined || given < packed) {
      const chunk = await input.some(packed === undefined ? Number.POSITIVE_INFINITY : packed - given);
      given += chunk.length;
      const taken = new Promise<void>((resolve, reject) => {
        stream.write(chunk, (error) => (error ? reject(error) : resolve()));
      });
      taken.catch(() => undefined);
      // Whoever consumes may have had enough: then nothing takes any more.
      await Promise.race([taken, consumed.then(() => taken)]);
      // What zlib leaves is not of this member.
      const left = given - stream.bytesWritten;
      if (left > 0) {
        if (packed !== undefined) throw damaged(what, "its data ends early");
        input.putBack(chunk.subarray(chunk.length - left));
        break;
      }
    }
    stream.end();
    await consumed;
    return stream.bytesWritten;
  } catch (error) {
    if (error instanceof Error && "code" in error && String(error.code).startsWith("Z_")) {
      throw damaged(what, error.message, error);
    }
    throw error;
  } finally {
    stream.destroy();
  }
}

function damaged(what: string, why: string, cause?: unknown): DownloadError {
  return new DownloadError("damaged", l10n.t("{0} is not a usable wheel: {1}.", what, why), { cause });
}

/** The source, in pieces of the length that is asked for. */
class Input {
  private readonly iterator: AsyncIterator<Uint8Array>;
  private rest: Uint8Array = new Uint8Array();

  constructor(
    source: AsyncIterable<Uint8Array>,
    private readonly what: string,
  ) {
    this.iterator = source[Symbol.asyncIterator]();
  }

  /** Whether there is anything left, which then is in `rest`. What was there before is gone. */
  async next(): Promise<boolean> {
    while (true) {
      const { done, value } = await this.iterator.next();
      if (done) return false;
      this.rest = value;
      if (value.length > 0) return true;
    }
  }

  /** The next bytes, at least one and at most so many. They may change when more is asked for. */
  async some(most: number): Promise<Uint8Array> {
    if (this.rest.length === 0 && !(await this.next())) throw damaged(this.what, "it is cut short");
    const chunk = this.rest.subarray(0, most);
    this.rest = this.rest.subarray(chunk.length);
    return chunk;
  }

  /** Exactly so many, of a header. */
  async take(count: number): Promise<Buffer> {
    const taken = Buffer.alloc(count);
    for (let done = 0; done < count; ) {
      const chunk = await this.some(count - done);
      taken.set(chunk, done);
      done += chunk.length;
    }
    return taken;
  }

  async pass(count: number): Promise<void> {
    for (let left = count; left > 0; ) left -= (await this.some(left)).length;
  }

  /** Of what was got last. */
  putBack(chunk: Uint8Array): void {
    // They lie one behind the other.
    this.rest = new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.length + this.rest.length);
  }

  async close(): Promise<void> {
    await this.iterator.return?.();
  }
}
