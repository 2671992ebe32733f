import { homedir } from "node:os";
import path from "node:path";
import { expect, test } from "vitest";
import { parseReference } from "./reference.js";

const parse = (text: string) => parseReference(text, { hubUrl: "https://hub.example", folder: "/work" });

test.each([
  ["owner/repo", { kind: "hub", repository: "owner/repo" }],
  [" owner/repo:q4_k_m ", { kind: "hub", repository: "owner/repo", quantization: "Q4_K_M" }],
  ["owner/repo@v1:Q8_0", { kind: "hub", repository: "owner/repo", revision: "v1", quantization: "Q8_0" }],
  ["owner/repo/sub/m.gguf", { kind: "hub", repository: "owner/repo", path: "sub/m.gguf" }],
  ["hf.co/owner/repo", { kind: "hub", repository: "owner/repo" }],
  ["hf:owner/repo:F16", { kind: "hub", repository: "owner/repo", quantization: "F16" }],
  ["https://hub.example/owner/repo", { kind: "hub", repository: "owner/repo" }],
  [
    "https://hub.example/owner/repo/resolve/main/a/m%20x.gguf?download=true",
    { kind: "hub", repository: "owner/repo", revision: "main", path: "a/m x.gguf" },
  ],
  ["https://other.example/m.gguf", { kind: "url", url: "https://other.example/m.gguf" }],
  ["npm:a@1.0.0,@b/c@2.0.0", { kind: "npm", packages: ["a@1.0.0", "@b/c@2.0.0"] }],
  ["pypi:a==1.0", { kind: "pypi", packages: ["a==1.0"] }],
  [
    "PyPI: a-part8..11==1.0.post1, b==2",
    { kind: "pypi", packages: [8, 9, 10, 11].map((part) => `a-part${part}==1.0.post1`).concat("b==2") },
  ],
  ["./m.gguf", { kind: "file", path: path.resolve("/work/m.gguf") }],
  ["m.gguf", { kind: "file", path: path.resolve("/work/m.gguf") }],
  ["models/m.gguf", { kind: "file", path: path.resolve("/work/models/m.gguf") }],
  ["~/m.gguf", { kind: "file", path: path.join(homedir(), "m.gguf") }],
  ["/x/m.gguf", { kind: "file", path: path.resolve("/x/m.gguf") }],
  ["TinyLlama", { kind: "catalog", id: "tinyllama" }],
])("%s", (text, reference) => {
  expect(parse(text)).toEqual(reference);
});

test.each(["", "a b", "owner/repo:Q4:Q5", "../..", "owner/..", "http://", "owner/repo/"])(
  "%j names nothing",
  (text) => {
    if (text === "../..") expect(parse(text).kind).toBe("file");
    else expect(() => parse(text)).toThrow(/names no model/);
  },
);

test.each(["a", "a@1.0", "a>=1.0", "a==1.*", "==1.0", "a-part3..1==1.0", "a==1.0,", "../a==1.0"])(
  "pypi:%s is no package with its exact version",
  (text) => {
    expect(() => parse(`pypi:${text}`)).toThrow(/Write pypi:name==1\.2\.3/);
  },
);
