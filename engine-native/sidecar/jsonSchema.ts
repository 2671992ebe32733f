/**
 * From a client's JSON schema to the part of it that node-llama-cpp makes a grammar of. What the grammar cannot enforce is left out:
 * `pattern`, bounds of numbers, most formats. So the result is JSON with the right properties and types.
 */
import type { GbnfJsonSchema } from "node-llama-cpp";
import type { JsonSchema } from "../../protocol/messages/tools.js";

/**
 * The grammar has all properties in their order. `nullable`: one that is not required may be null instead, which
 * {@link withoutNulls} removes. `present`: it is always there.
 */
export type OptionalProperties = "nullable" | "present";

type Definitions = Record<string, GbnfJsonSchema>;

/** llama.cpp refuses a grammar with more repetitions of one rule; of fewer it makes a large one. */
const mostRepetitions = 500;
/** Of schemas inside each other. */
const deepest = 64;

const anyObject: GbnfJsonSchema = { type: "object", additionalProperties: true };
const anyValue: GbnfJsonSchema = {
  oneOf: [{ type: ["string", "number", "boolean", "null"] }, { type: "array" }, anyObject],
};

/** @returns a schema for node-llama-cpp; any value where the client's says nothing */
export function grammarSchema(schema: unknown, optional: OptionalProperties): GbnfJsonSchema {
  const definitions: Definitions = {};
  const converted = new Conversion(schema, optional, definitions).convert(schema, 0);
  if (Object.keys(definitions).length === 0) return converted;
  return { oneOf: [converted], $defs: definitions };
}

class Conversion {
  constructor(
    private readonly root: unknown,
    private readonly optional: OptionalProperties,
    private readonly definitions: Definitions,
  ) {}

  convert(schema: unknown, depth: number): GbnfJsonSchema {
    if (!isObject(schema) || depth > deepest) return anyValue;
    if (schema["nullable"] === true) {
      return oneOf([this.convert({ ...schema, nullable: false }, depth + 1), { type: "null" }]);
    }
    const { $ref, const: constant, enum: choices, allOf } = schema;
    if (typeof $ref === "string") return this.reference($ref, depth);
    if (isScalar(constant)) return { const: constant };
    if (Array.isArray(choices)) {
      const scalars = choices.filter(isScalar);
      return scalars.length > 0 ? { enum: scalars } : anyValue;
    }
    if (Array.isArray(allOf)) return this.convert(merge(this.root, schema, allOf), depth + 1);
    const alternatives = schema["anyOf"] ?? schema["oneOf"];
    if (Array.isArray(alternatives) && alternatives.length > 0 && !isObject(schema["properties"])) {
      return oneOf(alternatives.map((each) => this.convert(each, depth + 1)));
    }
    const { type } = schema;
    if (Array.isArray(type)) return oneOf(type.map((each) => this.convert({ ...schema, type: each }, depth + 1)));
    return this.typed(typeof type === "string" ? type : typeOf(schema), schema, depth);
  }

  private typed(type: string | undefined, schema: JsonSchema, depth: number): GbnfJsonSchema {
    switch (type) {
      case "object":
        return this.object(schema, depth);
      case "array":
        return this.array(schema, depth);
      case "string":
        return string(schema);
      case "number":
      case "integer":
      case "boolean":
      case "null":
        return { type };
      default:
        return anyValue;
    }
  }

  private object(schema: JsonSchema, depth: number): GbnfJsonSchema {
    const { additionalProperties: others } = schema;
    const properties = isObject(schema["properties"]) ? Object.entries(schema["properties"]) : [];
    const required = new Set(Array.isArray(schema["required"]) ? schema["required"] : []);
    const converted = properties.flatMap(([name, property]): [string, GbnfJsonSchema][] => {
      const value = () => this.convert(property, depth + 1);
      if (required.has(name)) return [[name, value()]];
      if (this.optional === "nullable") return [[name, oneOf([value(), { type: "null" }])]];
      // One that contains itself would never end.
      return this.recurs(property) ? [] : [[name, value()]];
    });
    const open = others === true || (others === undefined && properties.length === 0);
    return {
      type: "object",
      ...(properties.length > 0 ? { properties: Object.fromEntries(converted) } : {}),
      ...(open ? { additionalProperties: true } : {}),
      ...(isObject(others) ? { additionalProperties: this.convert(others, depth + 1) } : {}),
    };
  }

  private array(schema: JsonSchema, depth: number): GbnfJsonSchema {
    const { items } = schema;
    const tuple = Array.isArray(schema["prefixItems"])
      ? schema["prefixItems"]
      : Array.isArray(items)
        ? items
        : undefined;
    const [minItems, maxItems] = [schema["minItems"], schema["maxItems"]].map(repetitions);
    return {
      type: "array",
      ...(isObject(items) ? { items: this.convert(items, depth + 1) } : {}),
      ...(tuple ? { prefixItems: tuple.map((each) => this.convert(each, depth + 1)) } : {}),
      ...(minItems === undefined ? {} : { minItems }),
      ...(maxItems === undefined ? {} : { maxItems }),
    };
  }

  private reference(pointer: string, depth: number): GbnfJsonSchema {
    const target = resolve(this.root, pointer);
    if (target === undefined) return anyValue;
    const name = pointer.replace(/[^A-Za-z0-9]+/g, "_");
    if (!(name in this.definitions)) {
      // Known before it is converted, as it may refer to itself.
      this.definitions[name] = anyValue;
      this.definitions[name] = this.convert(target, depth + 1);
    }
    const reference: { $ref: `#/$defs/${string}` } = { $ref: `#/$defs/${name}` };
    return reference as GbnfJsonSchema;
  }

  private recurs(schema: unknown, seen: readonly string[] = []): boolean {
    if (Array.isArray(schema)) return schema.some((each) => this.recurs(each, seen));
    if (!isObject(schema)) return false;
    const { $ref } = schema;
    if (typeof $ref === "string") {
      return $ref === "#" || seen.includes($ref) || this.recurs(resolve(this.root, $ref), [...seen, $ref]);
    }
    return Object.values(schema).some((each) => this.recurs(each, seen));
  }
}

/** Removes what {@link grammarSchema} added: a property that is null where the schema has it neither required nor null. */
export function withoutNulls(value: unknown, schema: unknown, root: unknown = schema): unknown {
  if (Array.isArray(value)) {
    const items = variants(root, schema).map((each) => each["items"]);
    return value.map((each) => withoutNulls(each, items.find(isObject), root));
  }
  if (!isObject(value)) return value;
  const objects = variants(root, schema);
  const entries = Object.entries(value).flatMap(([name, each]): [string, unknown][] => {
    const owner = objects.find(({ properties }) => isObject(properties) && name in properties);
    const property = owner && isObject(owner["properties"]) ? owner["properties"][name] : undefined;
    const required = Array.isArray(owner?.["required"]) && owner["required"].includes(name);
    if (each === null && owner && !required && !takesNull(root, property)) return [];
    return [[name, withoutNulls(each, property, root)]];
  });
  return Object.fromEntries(entries);
}

/** The schemas that a value may have to follow, alternatives and parts beside each other. */
function variants(root: unknown, schema: unknown, depth = 0): JsonSchema[] {
  if (!isObject(schema) || depth > deepest) return [];
  const { $ref, anyOf, oneOf, allOf } = schema;
  if (typeof $ref === "string") return variants(root, resolve(root, $ref), depth + 1);
  const parts = [anyOf, oneOf, allOf].flatMap((each) => (Array.isArray(each) ? each : []));
  return [schema, ...parts.flatMap((each) => variants(root, each, depth + 1))];
}

function takesNull(root: unknown, schema: unknown): boolean {
  return variants(root, schema).some(
    ({ type, nullable, const: constant, enum: choices }) =>
      nullable === true ||
      constant === null ||
      [type].flat().includes("null") ||
      (Array.isArray(choices) && choices.includes(null)),
  );
}

/** One schema of several that must all hold, as far as their properties say. */
function merge(root: unknown, { allOf: _, ...own }: JsonSchema, parts: readonly unknown[]): JsonSchema {
  const schemas = [own, ...parts].map((part) =>
    isObject(part) && typeof part["$ref"] === "string" ? resolve(root, part["$ref"]) : part,
  );
  const merged: JsonSchema = {};
  for (const { properties, required, ...others } of schemas.filter(isObject)) {
    Object.assign(merged, others);
    if (isObject(properties)) merged["properties"] = { ...asObject(merged["properties"]), ...properties };
    if (Array.isArray(required)) merged["required"] = [merged["required"] ?? [], required].flat();
  }
  return merged;
}

/** What a JSON pointer of the same document names. */
function resolve(root: unknown, reference: string): unknown {
  if (!reference.startsWith("#")) return undefined;
  const names = reference.slice(1).split("/").slice(1);
  return names.reduce<unknown>((at, name) => {
    const key = decodeURIComponent(name).replaceAll("~1", "/").replaceAll("~0", "~");
    if (Array.isArray(at)) return at[Number(key)];
    return isObject(at) && Object.hasOwn(at, key) ? at[key] : undefined;
  }, root);
}

function string(schema: JsonSchema): GbnfJsonSchema {
  const { format } = schema;
  if (format === "date-time" || format === "time" || format === "date") return { type: "string", format };
  const [minLength, maxLength] = [schema["minLength"], schema["maxLength"]].map(repetitions);
  return {
    type: "string",
    ...(minLength === undefined ? {} : { minLength }),
    ...(maxLength === undefined ? {} : { maxLength }),
  };
}

function typeOf(schema: JsonSchema): string | undefined {
  if (isObject(schema["properties"]) || schema["additionalProperties"] !== undefined) return "object";
  return schema["items"] === undefined && schema["prefixItems"] === undefined ? undefined : "array";
}

const oneOf = (schemas: GbnfJsonSchema[]): GbnfJsonSchema =>
  schemas.length === 1 && schemas[0] ? schemas[0] : { oneOf: schemas };

const repetitions = (value: unknown): number | undefined =>
  typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= mostRepetitions ? value : undefined;

const isObject = (value: unknown): value is JsonSchema =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const asObject = (value: unknown): JsonSchema => (isObject(value) ? value : {});

const isScalar = (value: unknown): value is string | number | boolean | null =>
  value === null || ["string", "number", "boolean"].includes(typeof value);
