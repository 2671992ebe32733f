import { expect, test } from "vitest";
import { grammarSchema, withoutNulls } from "./jsonSchema.js";

const editTool = {
  type: "object",
  properties: {
    path: { type: "string", pattern: "^/", minLength: 1 },
    line: { type: "integer", minimum: 1 },
    mode: { enum: ["replace", "insert"] },
  },
  required: ["path"],
};

test("what need not be there may be null in the grammar of a call", () => {
  expect(grammarSchema(editTool, "nullable")).toEqual({
    type: "object",
    properties: {
      path: { type: "string", minLength: 1 },
      line: { oneOf: [{ type: "integer" }, { type: "null" }] },
      mode: { oneOf: [{ enum: ["replace", "insert"] }, { type: "null" }] },
    },
  });
});

test("an answer in JSON has all properties", () => {
  expect(grammarSchema(editTool, "present")).toMatchObject({ properties: { line: { type: "integer" } } });
});

test("references and alternatives keep their meaning", () => {
  const schema = {
    type: "object",
    properties: {
      root: { $ref: "#/definitions/node" },
      kind: { anyOf: [{ const: "a" }, { type: ["number", "null"] }] },
    },
    required: ["root", "kind"],
    definitions: {
      node: { type: "object", properties: { children: { type: "array", items: { $ref: "#/definitions/node" } } } },
    },
  };
  expect(grammarSchema(schema, "nullable")).toMatchObject({
    $defs: {
      _definitions_node: {
        properties: { children: { oneOf: [{ items: { $ref: "#/$defs/_definitions_node" } }, {}] } },
      },
    },
    oneOf: [
      {
        properties: {
          root: { $ref: "#/$defs/_definitions_node" },
          kind: { oneOf: [{ const: "a" }, { oneOf: [{ type: "number" }, { type: "null" }] }] },
        },
      },
    ],
  });
});

test("a property that contains itself is left out where it would have to be there", () => {
  const schema = { type: "object", properties: { next: { $ref: "#" }, name: { type: "string" } }, required: ["name"] };
  expect(grammarSchema(schema, "present")).toEqual({ type: "object", properties: { name: { type: "string" } } });
});

test("parts that must all hold become one", () => {
  const schema = {
    allOf: [{ properties: { a: { type: "string" } } }, { properties: { b: { type: "null" } }, required: ["a", "b"] }],
  };
  expect(grammarSchema(schema, "nullable")).toMatchObject({
    properties: { a: { type: "string" }, b: { type: "null" } },
  });
});

test.each([[true], [{}], ["nonsense"], [{ enum: [] }], [{ $ref: "#/nowhere" }]])("%j allows any JSON", (schema) => {
  expect(grammarSchema(schema, "present")).toHaveProperty("oneOf.length", 3);
});

test("nulls of the grammar are removed, those of the schema stay", () => {
  const schema = {
    properties: {
      ...editTool.properties,
      owner: { type: ["string", "null"] },
      edits: { type: "array", items: { $ref: "#/$defs/edit" } },
    },
    required: ["path", "edits"],
    $defs: { edit: editTool },
  };
  const value = { path: "/a", line: null, owner: null, edits: [{ path: "/b", mode: null, line: 2 }], other: null };
  expect(withoutNulls(value, schema)).toEqual({
    path: "/a",
    owner: null,
    edits: [{ path: "/b", line: 2 }],
    other: null,
  });
});
