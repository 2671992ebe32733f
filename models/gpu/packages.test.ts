import { expect, test } from "vitest";
import lock from "../../package-lock.json" with { type: "json" };
import { integrities } from "./packages.js";

test("digests are those of package-lock.json, where it has the package", () => {
  const locked = new Map<string, { version?: string; integrity?: string }>(Object.entries(lock.packages));
  const known = Object.entries(integrities).map(([spec, integrity]) => {
    const at = spec.lastIndexOf("@");
    return { version: spec.slice(at + 1), integrity, found: locked.get(`node_modules/${spec.slice(0, at)}`) };
  });
  const same = known.filter(({ version, found }) => found?.version === version && found.integrity !== undefined);
  expect(same.length).toBeGreaterThan(0);
  for (const { integrity, found } of same) expect(found?.integrity).toBe(integrity);
});
