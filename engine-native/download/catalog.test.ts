import { expect, test } from "vitest";
import { catalog } from "./catalog.js";
import { parseReference } from "./reference.js";

test("every recommended model has an id of its own, which is a reference to it", () => {
  expect(new Set(catalog.map(({ id }) => id)).size).toBe(catalog.length);
  for (const { id } of catalog) {
    expect(parseReference(id, { hubUrl: "https://hub.example", folder: "/" })).toEqual({ kind: "catalog", id });
  }
});

test("there is one for networks that reach a package registry only, and for each role", () => {
  expect(catalog[0]?.source.kind).toBe("npm");
  expect(new Set(catalog.map(({ role }) => role))).toEqual(new Set(["chat", "inline", "both"]));
});
