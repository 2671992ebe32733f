import { randomBytes } from "node:crypto";
import { expect, test } from "vitest";
import { type WheelMember, zip } from "../../test/support/wheel.js";
import { DownloadError } from "../errors.js";
import { readZip } from "./zip.js";

/** Some that compresses, some that does not, and every signature of the format. */
const signatures = Buffer.from("504b0304504b0708504b0102504b0506", "hex");
const content = Buffer.concat([randomBytes(30_000), Buffer.alloc(30_000, "abc"), signatures, randomBytes(1000)]);
const member: WheelMember = { name: "a/data/part01.bin", content };
const others: WheelMember[] = [
  { name: "a/__init__.py", content: Buffer.from("pass\n") },
  { name: "a/empty.txt", content: Buffer.alloc(0), stored: true },
];
const behind: WheelMember = { name: "a.dist-info/RECORD", content: Buffer.from("a,b\n") };

/** In pieces of this length, each of which changes when the next is asked for. */
async function* pieces(archive: Buffer, length: number): AsyncGenerator<Uint8Array> {
  const shared = Buffer.alloc(length);
  for (let at = 0; at < archive.length; at += length) {
    const count = archive.copy(shared, 0, at, at + length);
    yield shared.subarray(0, count);
    shared.fill(0xee);
  }
}

async function read(archive: Buffer, { length = 1000, most = Number.POSITIVE_INFINITY, wanted = member.name } = {}) {
  const chunks: Buffer[] = [];
  const names: string[] = [];
  let bytes = 0;
  await readZip(pieces(archive, length), "a.whl", ({ name }) => {
    names.push(name);
    if (name !== wanted) return undefined;
    return async (chunk) => {
      bytes += chunk.length;
      if (bytes > most) throw new Error("enough");
      chunks.push(Buffer.from(chunk));
    };
  });
  return { names, content: Buffer.concat(chunks) };
}

const kinds: [string, Partial<WheelMember>][] = [
  ["deflated", {}],
  ["stored", { stored: true }],
  ["deflated, with a descriptor", { descriptor: "signed" }],
  ["deflated, with a descriptor that has no signature", { descriptor: "unsigned" }],
  ["deflated, Zip64", { zip64: true }],
  ["stored, Zip64", { stored: true, zip64: true }],
  ["deflated, Zip64, with a descriptor", { zip64: true, descriptor: "signed" }],
];
test.each(kinds)("reads a member that is %s, in pieces of any length", async (_, kind) => {
  const archive = zip([...others, { ...member, ...kind }, behind]);
  for (const length of [7, 1000, 65_536, archive.length]) {
    const found = await read(archive, { length });
    expect(found.names).toEqual(["a/__init__.py", "a/empty.txt", member.name, behind.name]);
    expect(found.content.equals(content)).toBe(true);
  }
});

test("a member that nobody wants is passed over, also where only its data tells its end", async () => {
  const archive = zip([
    { ...member, descriptor: "signed" },
    { ...behind, descriptor: "unsigned" },
  ]);
  expect((await read(archive, { wanted: behind.name })).content.toString()).toBe("a,b\n");
});

const bomb = Buffer.alloc(70 << 20);
const hostile: [string, Buffer, RegExp][] = [
  ["what is no archive", Buffer.from("<!DOCTYPE html>"), /something other than a member/],
  ["nothing", Buffer.alloc(0), /cut short/],
  ["an archive that is cut short", zip([member]).subarray(0, 20_000), /cut short/],
  ["an archive without its directory", zip([member]).subarray(0, -200), /something other|cut short/],
  ["encryption", zip([{ ...member, claims: { flags: 1 } }]), /encrypted/],
  ["a method that wheels do not use", zip([{ ...member, claims: { method: 14 } }]), /method 14/],
  ["a method that does not exist", zip([{ ...member, claims: { method: 65_535 } }]), /method 65535/],
  ["stored data without an end", zip([{ ...member, stored: true, descriptor: "signed" }]), /nothing tells where/],
  ["a name that leads out", zip([{ ...member, name: "../../part01.bin" }]), /no name for a member/],
  ["an absolute name", zip([{ ...member, name: "/etc/part01.bin" }]), /no name for a member/],
  ["a name for Windows", zip([{ ...member, name: "a\\..\\part01.bin" }]), /no name for a member/],
  ["a drive", zip([{ ...member, name: "C:/part01.bin" }]), /no name for a member/],
  ["no name", zip([{ ...member, name: "" }]), /no name for a member/],
  ["data longer than it says", zip([{ ...member, claims: { plain: content.length - 1 } }]), /longer than it may be/],
  ["data shorter than it says", zip([{ ...member, claims: { plain: content.length + 1 } }]), /not as long as promised/],
  ["another checksum", zip([{ ...member, claims: { crc: 1 } }]), /does not match its checksum/],
  ["another checksum behind", zip([{ ...member, descriptor: "signed", claims: { crc: 1 } }]), /its checksum/],
  ["other lengths behind", zip([{ ...member, descriptor: "signed", claims: { packed: 1 } }]), /as promised/],
  ["stored lengths that differ", zip([{ ...member, stored: true, claims: { plain: 5 } }]), /longer than it may/],
  ["compressed data that goes on", zip([{ ...member, trailing: Buffer.alloc(9) }]), /its data ends early/],
  ["compressed data that is cut", zip([{ ...member, claims: { packed: 1000 } }]), /unexpected end|as promised/],
  ["data that is not compressed", zip([{ ...member, stored: true, claims: { method: 8 } }]), /./],
  ["a length beyond all bounds", zip([{ ...member, zip64: true, claims: { plain: 2 ** 60 } }]), /the length of/],
  ["a length that is missing", zip([{ ...member, claims: { plain: 0xffffffff } }]), /is missing/],
  ["a bomb that nobody wants", zip([{ ...behind, content: bomb, descriptor: "signed" }]), /longer than it may be/],
];
test.each(hostile)("refuses %s", async (_, archive, reason) => {
  const failure = await read(archive).catch((error: unknown) => error);
  expect(failure).toBeInstanceOf(DownloadError);
  expect(failure).toMatchObject({ kind: "damaged", message: expect.stringMatching(reason) });
});

test("whoever has had enough ends it, before a bomb has gone off", async () => {
  const archive = zip([{ ...member, content: bomb, descriptor: "signed" }]);
  await expect(read(archive, { most: 1_000_000 })).rejects.toThrow("enough");
});

test("what the source throws is thrown, and it is told when it is left early", async () => {
  let closed = false;
  async function* cut() {
    try {
      yield zip([member]).subarray(0, 1000);
      throw new Error("the line is dead");
    } finally {
      closed = true;
    }
  }
  await expect(readZip(cut(), "a.whl", () => async () => {})).rejects.toThrow("the line is dead");
  expect(closed).toBe(true);
});
