import { expect, test } from "vitest";
import { platformOf, readMacFile } from "./binaries.mjs";
import { targetNamed } from "./targets.mjs";

test("a platform without libraries of llama.cpp is refused in words", () => {
  expect(targetNamed("win32-arm64")).toBe("win32-arm64");
  expect(() => targetNamed("alpine-x64")).toThrow(/no VSIX for alpine-x64\. node-llama-cpp has no libraries for musl/);
  expect(() => targetNamed("linux-armhf")).toThrow(/no VSIX for linux-armhf\. Targets: linux-x64, /);
});

/** The beginnings of files, as far as it is looked at. */
function elf(machine: number): Buffer {
  const bytes = Buffer.alloc(64);
  bytes.writeUInt32BE(0x7f454c46);
  bytes.writeUInt16LE(machine, 18);
  return bytes;
}
function pe(machine: number): Buffer {
  const bytes = Buffer.alloc(160);
  bytes.write("MZ");
  bytes.writeUInt32LE(128, 60);
  bytes.write("PE\0\0", 128, "latin1");
  bytes.writeUInt16LE(machine, 132);
  return bytes;
}
function macho(cpu: number, commands: Buffer[] = []): Buffer {
  const header = Buffer.alloc(32);
  header.writeUInt32LE(0xfeedfacf);
  header.writeUInt32LE(cpu, 4);
  header.writeUInt32LE(commands.length, 16);
  return Buffer.concat([header, ...commands, Buffer.alloc(64)]);
}
function command(kind: number, text: string, head = 12): Buffer {
  const bytes = Buffer.alloc(head + text.length + 1);
  bytes.writeUInt32LE(kind);
  bytes.writeUInt32LE(bytes.length, 4);
  bytes.writeUInt32LE(head, 8);
  bytes.write(text, head);
  return bytes;
}

test("a file says what platform it is for", () => {
  expect(platformOf(elf(62))).toBe("linux-x64");
  expect(platformOf(elf(183))).toBe("linux-arm64");
  expect(platformOf(elf(40))).toBe("unknown");
  expect(platformOf(pe(0x8664))).toBe("win32-x64");
  expect(platformOf(pe(0xaa64))).toBe("win32-arm64");
  expect(platformOf(macho(0x01000007))).toBe("darwin-x64");
  expect(platformOf(macho(0x0100000c))).toBe("darwin-arm64");
  expect(
    platformOf(Buffer.from("MZ is how some texts begin, which are not for Windows only ........")),
  ).toBeUndefined();
  expect(platformOf(process.platform === "linux" ? Buffer.from("#!/bin/sh\n") : Buffer.alloc(0))).toBeUndefined();
});

test("a file for macOS says where it looks for libraries", () => {
  const version = Buffer.alloc(24);
  version.writeUInt32LE(0x32);
  version.writeUInt32LE(24, 4);
  version.writeUInt32LE(14 << 16, 12);
  const file = macho(0x0100000c, [
    command(0x0d, "@rpath/libggml-flash.so", 24),
    command(0x0c, "@rpath/libggml-base.dylib", 24),
    command(0x8000001c, "@loader_path/../x"),
    version,
    command(0x1d, ""),
  ]);
  expect(readMacFile(file)).toEqual({
    minimumVersion: "14.0",
    installName: "@rpath/libggml-flash.so",
    searchPaths: ["@loader_path/../x"],
    libraries: ["@rpath/libggml-base.dylib"],
    signed: true,
  });
});
