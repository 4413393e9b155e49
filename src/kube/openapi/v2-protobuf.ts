import { isJsonObject, type JsonObject } from "../patch/json-value.ts";

/**
 * Encodes an OpenAPI v2 document in protobuf, in the messages of gnostic's OpenAPIv2.proto (package openapi.v2),
 * which kubectl before 1.29 reads. Field numbers are that file's.
 */
export function encodeOpenApiV2(document: JsonObject): Buffer {
  return message(
    text(1, document["swagger"]),
    nested(2, message(text(1, at(document, "info", "title")), text(2, at(document, "info", "version")))),
    nested(
      8,
      message(...entries(document["paths"]).map(([name, item]) => nested(2, named(name, pathItem(item))))),
    ),
    nested(
      9,
      message(...entries(document["definitions"]).map(([name, one]) => nested(1, named(name, schema(one))))),
    ),
  );
}

const methods = { get: 2, put: 3, post: 4, delete: 5, patch: 8 } as const;

function pathItem(item: JsonObject): Buffer {
  return message(
    ...Object.entries(methods).map(([method, number]) => {
      const one = item[method];
      return isJsonObject(one) ? nested(number, operation(one)) : empty;
    }),
    ...list(item["parameters"]).map((one) => nested(9, parametersItem(one))),
  );
}

function operation(one: JsonObject): Buffer {
  return message(
    ...texts(6, one["produces"]),
    ...texts(7, one["consumes"]),
    ...list(one["parameters"]).map((parameter) => nested(8, parametersItem(parameter))),
    nested(
      9,
      message(
        ...entries(one["responses"]).map(([code, answer]) =>
          nested(1, named(code, nested(1, response(answer)))),
        ),
      ),
    ),
    ...extensions(13, one),
  );
}

function response(one: JsonObject): Buffer {
  const inner = one["schema"];
  return message(
    text(1, one["description"]),
    isJsonObject(inner) ? nested(2, nested(1, schema(inner))) : empty,
  );
}

/** ParametersItem { Parameter { BodyParameter | NonBodyParameter } }. */
function parametersItem(one: JsonObject): Buffer {
  const inner = one["schema"];
  switch (one["in"]) {
    case "body":
      return nested(
        1,
        nested(
          1,
          message(
            text(2, one["name"]),
            text(3, "body"),
            isJsonObject(inner) ? nested(5, schema(inner)) : empty,
          ),
        ),
      );
    case "path":
      return nested(
        1,
        nested(
          2,
          nested(
            4,
            message(
              flag(1, true),
              text(2, "path"),
              text(4, one["name"]),
              text(5, one["type"]),
              flag(18, true),
            ),
          ),
        ),
      );
    default:
      return nested(
        1,
        nested(
          2,
          nested(3, message(text(2, "query"), text(4, one["name"]), text(6, one["type"]), flag(19, true))),
        ),
      );
  }
}

function schema(one: JsonObject): Buffer {
  const { items, additionalProperties, type } = one;
  return message(
    text(1, one["$ref"]),
    text(2, one["format"]),
    text(4, one["description"]),
    any(5, one["default"]),
    double(6, one["multipleOf"]),
    double(7, one["maximum"]),
    flag(8, one["exclusiveMaximum"]),
    double(9, one["minimum"]),
    flag(10, one["exclusiveMinimum"]),
    integer(11, one["maxLength"]),
    integer(12, one["minLength"]),
    text(13, one["pattern"]),
    integer(14, one["maxItems"]),
    integer(15, one["minItems"]),
    flag(16, one["uniqueItems"]),
    integer(17, one["maxProperties"]),
    integer(18, one["minProperties"]),
    ...texts(19, one["required"]),
    ...(Array.isArray(one["enum"]) ? one["enum"].map((value) => any(20, value)) : []),
    isJsonObject(additionalProperties) ? nested(21, nested(1, schema(additionalProperties))) : empty,
    typeof type === "string" ? nested(22, text(1, type)) : empty,
    isJsonObject(items) ? nested(23, nested(1, schema(items))) : empty,
    ...list(one["allOf"]).map((part) => nested(24, schema(part))),
    isJsonObject(one["properties"])
      ? nested(
          25,
          message(...entries(one["properties"]).map(([name, part]) => nested(1, named(name, schema(part))))),
        )
      : empty,
    ...extensions(31, one),
  );
}

/** NamedAny { name, Any { yaml } }: JSON is YAML, too. */
function extensions(number: number, one: JsonObject): readonly Buffer[] {
  return Object.keys(one)
    .filter((name) => name.startsWith("x-"))
    .map((name) => nested(number, named(name, text(2, `${JSON.stringify(one[name])}\n`))));
}

function any(number: number, value: unknown): Buffer {
  return value === undefined ? empty : nested(number, text(2, `${JSON.stringify(value)}\n`));
}

/** An entry of a map: name and value. */
function named(name: string, value: Buffer): Buffer {
  return message(text(1, name), nested(2, value));
}

const empty = Buffer.alloc(0);

function message(...parts: readonly Buffer[]): Buffer {
  return Buffer.concat(parts);
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  while (rest >= 0x80) {
    bytes.push((rest % 0x80) | 0x80);
    rest = Math.floor(rest / 0x80);
  }
  bytes.push(rest);
  return Buffer.from(bytes);
}

/** A nested message, there even when it is empty. */
function nested(number: number, content: Buffer): Buffer {
  return Buffer.concat([varint(number * 8 + 2), varint(content.length), content]);
}

function text(number: number, value: unknown): Buffer {
  return typeof value === "string" && value !== "" ? nested(number, Buffer.from(value)) : empty;
}

function texts(number: number, values: unknown): readonly Buffer[] {
  return Array.isArray(values) ? values.map((value) => nested(number, Buffer.from(String(value)))) : [];
}

function flag(number: number, value: unknown): Buffer {
  return value === true ? Buffer.concat([varint(number * 8), varint(1)]) : empty;
}

function integer(number: number, value: unknown): Buffer {
  return typeof value === "number" && value > 0 ? Buffer.concat([varint(number * 8), varint(value)]) : empty;
}

function double(number: number, value: unknown): Buffer {
  if (typeof value !== "number" || value === 0) return empty;
  const bytes = Buffer.alloc(8);
  bytes.writeDoubleLE(value);
  return Buffer.concat([varint(number * 8 + 1), bytes]);
}

function at(value: unknown, ...path: readonly string[]): unknown {
  return path.reduce((found, name) => (isJsonObject(found) ? found[name] : undefined), value);
}

function entries(value: unknown): readonly (readonly [string, JsonObject])[] {
  if (!isJsonObject(value)) return [];
  return Object.entries(value).filter((entry): entry is [string, JsonObject] => isJsonObject(entry[1]));
}

function list(value: unknown): readonly JsonObject[] {
  return Array.isArray(value) ? value.filter(isJsonObject) : [];
}
