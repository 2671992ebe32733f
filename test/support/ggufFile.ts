/** Reads and writes whole GGUF files, right or wrong ones: for tests that change them. Format: ggml's docs/gguf.md. */
import { readFileSync, writeFileSync } from "node:fs";

/** Types of values, by their number in the format. */
const typeNames = [
  "u8",
  "i8",
  "u16",
  "i16",
  "u32",
  "i32",
  "f32",
  "bool",
  "string",
  "array",
  "u64",
  "i64",
  "f64",
] as const;
export type GgufType = (typeof typeNames)[number];
/** Numbers of 64 bits are bigint. */
export type GgufScalar = number | bigint | boolean | string;

export interface GgufValue {
  name: string;
  type: GgufType;
  /** Of an array: the type of its elements. */
  element?: GgufType;
  value: GgufScalar | GgufScalar[];
}

export interface GgufTensor {
  name: string;
  /** Elements, the row first. */
  shape: number[];
  type: number;
  /** Bytes from the beginning of the data. */
  offset: number;
}

const alignment = 32;
const aligned = (bytes: number) => Math.ceil(bytes / alignment) * alignment;
/** Of an element of a tensor, by its type's number in ggml: F32, F16, I8, I16, I32, I64, F64, BF16. */
const elementBytes: Record<number, number> = { 0: 4, 1: 2, 24: 1, 25: 2, 26: 4, 27: 8, 28: 8, 30: 2 };

/** A file that is not split, with the usual alignment. */
export class GgufFile {
  constructor(
    public values: GgufValue[],
    public tensors: GgufTensor[],
    /** All tensors, each at its offset. */
    public data: Buffer,
  ) {}

  static read(path: string): GgufFile {
    const reader = new Reader(readFileSync(path));
    reader.at = 8;
    const tensorCount = Number(reader.number("u64"));
    const valueCount = Number(reader.number("u64"));
    const values = Array.from({ length: valueCount }, () => reader.value());
    const tensors = Array.from({ length: tensorCount }, () => reader.tensor());
    return new GgufFile(values, tensors, reader.bytes.subarray(aligned(reader.at)));
  }

  /** Bytes of it are not copied: change them in copies only. */
  copy(): GgufFile {
    return new GgufFile(
      this.values.map((each) => ({ ...each, value: Array.isArray(each.value) ? [...each.value] : each.value })),
      this.tensors.map((each) => ({ ...each, shape: [...each.shape] })),
      this.data,
    );
  }

  find(name: string): GgufValue | undefined {
    return this.values.find((each) => each.name === name);
  }

  get architecture(): string {
    return String(this.find("general.architecture")?.value);
  }

  /** Sets a value, of the type that it has or is given, after all others where it is not there. A "*." is the architecture. */
  set(name: string, value: GgufScalar | GgufScalar[], type?: GgufType, element?: GgufType): this {
    const full = name.replace("*", this.architecture);
    const found = this.find(full);
    const wanted = { name: full, type: type ?? found?.type ?? "u32", value, ...(element && { element }) };
    if (found) Object.assign(found, wanted);
    else this.values.push(wanted);
    return this;
  }

  remove(name: string): this {
    const full = name.replace("*", this.architecture);
    this.values = this.values.filter((each) => each.name !== full);
    return this;
  }

  /** Makes it one of another architecture: its name, and that of all values that are the architecture's. */
  become(architecture: string): this {
    const before = `${this.architecture}.`;
    for (const value of this.values) {
      if (value.name.startsWith(before)) value.name = `${architecture}.${value.name.slice(before.length)}`;
    }
    return this.set("general.architecture", architecture);
  }

  /** Writes a number over the elements of a tensor of type F32 or F16, from the first to `count`. */
  fill(name: string, number: number, count = 1): this {
    const { type, offset } = this.tensor(name);
    this.data = Buffer.from(this.data);
    for (let i = 0; i < count; i++) {
      if (type === 0) this.data.writeFloatLE(number, offset + 4 * i);
      // Of F16 only what a damaged file has: all ones in the exponent, and in the rest for what is not a number.
      else this.data.writeUInt16LE(Number.isNaN(number) ? 0x7e00 : 0x7c00, offset + 2 * i);
    }
    return this;
  }

  tensor(name: string): GgufTensor {
    const found = this.tensors.find((each) => each.name === name);
    if (!found) throw new Error(`there is no tensor ${name}`);
    return found;
  }

  /** Lays the data out anew after types, shapes or the list of tensors have changed: cut, or filled up with zeros. */
  layOut(): this {
    const starts = [...new Set(this.tensors.map(({ offset }) => offset)), this.data.length].sort((a, b) => a - b);
    const pieces: Buffer[] = [];
    let offset = 0;
    for (const tensor of this.tensors) {
      const end = starts.find((start) => start > tensor.offset) ?? this.data.length;
      const elements = tensor.shape.reduce((product, size) => product * size, 1);
      const bytes = Math.ceil(elements * (elementBytes[tensor.type] ?? 4));
      const piece = Buffer.alloc(aligned(bytes));
      this.data.copy(piece, 0, tensor.offset, Math.min(end, tensor.offset + bytes));
      pieces.push(piece);
      tensor.offset = offset;
      offset += piece.length;
    }
    this.data = Buffer.concat(pieces);
    return this;
  }

  write(path: string): string {
    const writer = new Writer();
    writer.raw(Buffer.from("GGUF"));
    writer.number("u32", 3);
    writer.number("u64", this.tensors.length);
    writer.number("u64", this.values.length);
    for (const { name, type, element, value } of this.values) {
      writer.scalar("string", name);
      writer.number("u32", typeNames.indexOf(type));
      if (!Array.isArray(value)) writer.scalar(type, value);
      else {
        writer.number("u32", typeNames.indexOf(element ?? "u32"));
        writer.number("u64", value.length);
        for (const each of value) writer.scalar(element ?? "u32", each);
      }
    }
    for (const { name, shape, type, offset } of this.tensors) {
      writer.scalar("string", name);
      writer.number("u32", shape.length);
      for (const size of shape) writer.number("u64", size);
      writer.number("u32", type);
      writer.number("u64", offset);
    }
    writer.raw(Buffer.alloc((alignment - (writer.length % alignment)) % alignment));
    writer.raw(this.data);
    writeFileSync(path, writer.bytes());
    return path;
  }
}

class Reader {
  at = 0;
  readonly #view: DataView;
  constructor(readonly bytes: Buffer) {
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  number(type: GgufType): GgufScalar {
    const { at } = this;
    const view = this.#view;
    const take = <T>(size: number, value: T): T => {
      this.at += size;
      return value;
    };
    switch (type) {
      case "u8":
        return take(1, view.getUint8(at));
      case "i8":
        return take(1, view.getInt8(at));
      case "u16":
        return take(2, view.getUint16(at, true));
      case "i16":
        return take(2, view.getInt16(at, true));
      case "u32":
        return take(4, view.getUint32(at, true));
      case "i32":
        return take(4, view.getInt32(at, true));
      case "f32":
        return take(4, view.getFloat32(at, true));
      case "bool":
        return take(1, view.getUint8(at) !== 0);
      case "u64":
        return take(8, view.getBigUint64(at, true));
      case "i64":
        return take(8, view.getBigInt64(at, true));
      case "f64":
        return take(8, view.getFloat64(at, true));
      default:
        throw new Error(`no number: ${type}`);
    }
  }

  scalar(type: GgufType): GgufScalar {
    if (type !== "string") return this.number(type);
    const length = Number(this.number("u64"));
    this.at += length;
    // Some tokens are no UTF-8.
    return this.bytes.toString("latin1", this.at - length, this.at);
  }

  type(): GgufType {
    const type = typeNames[Number(this.number("u32"))];
    if (type === undefined) throw new Error("a value has an unknown type");
    return type;
  }

  value(): GgufValue {
    const name = String(this.scalar("string"));
    const type = this.type();
    if (type !== "array") return { name, type, value: this.scalar(type) };
    const element = this.type();
    const length = Number(this.number("u64"));
    return { name, type, element, value: Array.from({ length }, () => this.scalar(element)) };
  }

  tensor(): GgufTensor {
    const name = String(this.scalar("string"));
    const dimensions = Number(this.number("u32"));
    const shape = Array.from({ length: dimensions }, () => Number(this.number("u64")));
    return { name, shape, type: Number(this.number("u32")), offset: Number(this.number("u64")) };
  }
}

class Writer {
  readonly #pieces: Buffer[] = [];
  length = 0;

  bytes(): Buffer {
    return Buffer.concat(this.#pieces);
  }

  raw(piece: Buffer): void {
    this.#pieces.push(piece);
    this.length += piece.length;
  }

  number(type: GgufType, given: GgufScalar): void {
    const piece = Buffer.alloc(8);
    const size = { u8: 1, i8: 1, bool: 1, u16: 2, i16: 2, u32: 4, i32: 4, f32: 4, u64: 8, i64: 8, f64: 8 };
    if (type === "string" || type === "array") throw new Error(`no number: ${type}`);
    if (type === "f32") piece.writeFloatLE(Number(given));
    else if (type === "f64") piece.writeDoubleLE(Number(given));
    else piece.writeBigUInt64LE(BigInt.asUintN(64, BigInt(given)));
    this.raw(piece.subarray(0, size[type]));
  }

  scalar(type: GgufType, value: GgufScalar): void {
    if (type !== "string") {
      this.number(type, value);
      return;
    }
    const text = Buffer.from(String(value), "latin1");
    this.number("u64", text.length);
    this.raw(text);
  }
}
