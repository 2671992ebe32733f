/** Zip archives as wheels are, and as they should not be. */
import { createHash } from "node:crypto";
import { crc32, deflateRawSync } from "node:zlib";

export interface WheelMember {
  name: string;
  content: Buffer;
  stored?: boolean;
  /** Lengths and checksum come after the data. */
  descriptor?: "signed" | "unsigned";
  /** Lengths are in the Zip64 field. */
  zip64?: boolean;
  /** Instead of what is so. */
  claims?: { method?: number; flags?: number; crc?: number; packed?: number; plain?: number };
  /** Behind the compressed data, and counted with it. */
  trailing?: Buffer;
}

/** A zip archive with these members, in this order, and its directory. */
export function zip(members: readonly WheelMember[]): Buffer {
  const parts: Buffer[] = [];
  const directory: Buffer[] = [];
  let offset = 0;
  for (const member of members) {
    const local = localPart(member);
    directory.push(directoryPart(member, offset));
    parts.push(local);
    offset += local.length;
  }
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50, 0);
  end.writeUInt16LE(members.length, 8);
  end.writeUInt16LE(members.length, 10);
  end.writeUInt32LE(Buffer.concat(directory).length, 12);
  end.writeUInt32LE(offset, 16);
  return Buffer.concat([...parts, ...directory, end]);
}

function described(member: WheelMember) {
  const { content, stored, descriptor, trailing = Buffer.alloc(0), claims = {} } = member;
  const data = Buffer.concat([stored ? content : deflateRawSync(content), trailing]);
  return {
    data,
    flags: claims.flags ?? (descriptor ? 0x0008 : 0),
    method: claims.method ?? (stored ? 0 : 8),
    crc: claims.crc ?? crc32(content),
    packed: claims.packed ?? data.length,
    plain: claims.plain ?? content.length,
  };
}

function localPart(member: WheelMember): Buffer {
  const { data, flags, method, crc, packed, plain } = described(member);
  const { descriptor, zip64 = false } = member;
  const name = Buffer.from(member.name);
  const extra = Buffer.alloc(zip64 ? 20 : 0);
  if (zip64) {
    extra.writeUInt16LE(1, 0);
    extra.writeUInt16LE(16, 2);
    extra.writeBigUInt64LE(BigInt(descriptor ? 0 : plain), 4);
    extra.writeBigUInt64LE(BigInt(descriptor ? 0 : packed), 12);
  }
  const header = Buffer.alloc(30);
  header.writeUInt32LE(0x04034b50, 0);
  header.writeUInt16LE(zip64 ? 45 : 20, 4);
  header.writeUInt16LE(flags, 6);
  header.writeUInt16LE(method, 8);
  if (!descriptor) {
    header.writeUInt32LE(crc, 14);
    header.writeUInt32LE(zip64 ? 0xffffffff : packed, 18);
    header.writeUInt32LE(zip64 ? 0xffffffff : plain, 22);
  }
  header.writeUInt16LE(name.length, 26);
  header.writeUInt16LE(extra.length, 28);
  return Buffer.concat([header, name, extra, data, ...(descriptor ? [descriptorPart(member)] : [])]);
}

function descriptorPart(member: WheelMember): Buffer {
  const { crc, packed, plain } = described(member);
  const { descriptor, zip64 } = member;
  const sizes = Buffer.alloc(zip64 ? 16 : 8);
  if (zip64) {
    sizes.writeBigUInt64LE(BigInt(packed), 0);
    sizes.writeBigUInt64LE(BigInt(plain), 8);
  } else {
    sizes.writeUInt32LE(packed, 0);
    sizes.writeUInt32LE(plain, 4);
  }
  const head = Buffer.alloc(8);
  head.writeUInt32LE(0x08074b50, 0);
  head.writeUInt32LE(crc, 4);
  return Buffer.concat([descriptor === "signed" ? head : head.subarray(4), sizes]);
}

function directoryPart(member: WheelMember, offset: number): Buffer {
  const { flags, method, crc, packed, plain } = described(member);
  const name = Buffer.from(member.name);
  const header = Buffer.alloc(46);
  header.writeUInt32LE(0x02014b50, 0);
  header.writeUInt16LE(flags, 8);
  header.writeUInt16LE(method, 10);
  header.writeUInt32LE(crc, 16);
  header.writeUInt32LE(packed, 20);
  header.writeUInt32LE(Math.min(plain, 0xffffffff), 24);
  header.writeUInt16LE(name.length, 28);
  header.writeUInt32LE(offset, 42);
  return Buffer.concat([header, name]);
}

/** A wheel as build tools make it, with a piece of a model in it. */
export function wheel(name: string, version: string, piece: Buffer, part = "part01.bin"): Buffer {
  const folder = name.replaceAll("-", "_");
  return zip([
    { name: `${folder}/__init__.py`, content: Buffer.from('"""A piece of a model."""\n') },
    { name: `${folder}/data/${part}`, content: piece },
    { name: `${folder}-${version}.dist-info/RECORD`, content: Buffer.from("") },
  ]);
}

export const sha256 = (content: Buffer): string => createHash("sha256").update(content).digest("hex");
