import { expect, test } from "vitest";
import { catalog, catalogSchema } from "./catalog.js";
import text from "./catalog.json" with { type: "json" };
import { parseReference } from "./reference.js";

test("every recommended model has an id of its own, which is a reference to it", () => {
  expect(new Set(catalog.map(({ id }) => id)).size).toBe(catalog.length);
  for (const { id } of catalog) {
    expect(parseReference(id, { hubUrl: "https://hub.example", folder: "/" })).toEqual({ kind: "catalog", id });
  }
});

test("there is one for each role, and the starters are for networks that reach a package registry only", () => {
  expect(new Set(catalog.map(({ role }) => role))).toEqual(new Set(["chat", "inline", "both", "nextEdit", "draft"]));
  const [chat, inline] = catalog;
  expect(chat).toMatchObject({ role: "both", source: { kind: "hub" }, mirror: { kind: "pypi" } });
  expect(inline).toMatchObject({ role: "inline", source: { kind: "hub" }, mirror: { kind: "pypi" } });
  expect(chat?.mirror?.packages).toHaveLength(22);
  expect(inline?.mirror?.packages).toHaveLength(6);
});

test("says of each who may use it, where it comes from, and what it is", () => {
  for (const { licence, source, about, id } of catalog) {
    expect(licence, id).toMatch(/^[a-z0-9.-]+$/);
    expect(about, id).toMatch(/^[A-Z].*\.$/);
    if (source.kind === "hub") expect(source.repository, id).toMatch(/^[\w.-]+\/[\w.-]+$/);
  }
});

const [first] = text.models;
test.each<[string, object]>([
  ["a role that nobody knows", { role: "poet" }],
  ["no licence", { licence: "" }],
  ["a field that nobody reads", { more: 1 }],
  ["a repository that is none", { source: { kind: "hub", repository: "nobody", quantization: "Q4_K_M" } }],
  ["a mirror without a digest", { mirror: { ...first?.mirror, sha256: undefined } }],
  ["a mirror without a version", { mirror: { ...first?.mirror, packages: "some-package" } }],
  ["a mirror of what is no Hub", { source: first?.mirror }],
])("refuses %s", (_, change) => {
  expect(catalogSchema.safeParse({ version: 1, models: [first] }).success).toBe(true);
  expect(catalogSchema.safeParse({ version: 1, models: [{ ...first, ...change }] }).success).toBe(false);
});
