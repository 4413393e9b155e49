import {
  create,
  createFileRegistry,
  type DescEnum,
  type DescFile,
  type DescMessage,
  type MessageInitShape,
} from "@bufbuild/protobuf";
import { protoCamelCase } from "@bufbuild/protobuf/reflect";
import {
  type DescriptorProtoSchema,
  type EnumDescriptorProtoSchema,
  type FieldDescriptorProtoSchema,
  FileDescriptorProtoSchema,
  FieldDescriptorProto_Label as Label,
} from "@bufbuild/protobuf/wkt";

type Type = DescMessage | DescEnum;

/** A proto3 message as the generator writes it. What is absent at the end is left out. */
type MessageTable = readonly [
  name: string,
  fields?: readonly FieldTable[],
  messages?: readonly MessageTable[],
  enums?: readonly EnumTable[],
  oneofs?: readonly string[],
  isMapEntry?: 0 | 1,
];

/**
 * A field; `type` and `label` are those of FieldDescriptorProto. `of` is the place of its type in what the message
 * uses, or the type's name when it is inside the message itself. Absent is "".
 */
type FieldTable = readonly [
  name: string,
  number: number,
  type: number,
  of?: number | string,
  label?: number | "",
  oneof?: number | "",
  isOptional?: 1 | "",
];

/** An enum: its name, then names and numbers of its values in turn. */
type EnumTable = readonly [name: string, ...values: (string | number)[]];

/**
 * A message's descriptor that is built when something but its type name is first asked for: of the hundreds of
 * messages a process uses few, and building them all would be the greater part of a short start. Only generated code
 * calls this. `table` is a MessageTable in JSON, `uses` gives the types outside of the message that its fields have.
 */
export function lazyMessage(typeName: string, table: string, uses: () => readonly Type[]): DescMessage {
  return lazily("message", typeName, messagePrototype, () => {
    const types = uses();
    const file = create(FileDescriptorProtoSchema, {
      name: typeName,
      package: packageOf(typeName),
      syntax: "proto3",
      dependency: types.length === 0 ? [] : ["uses"],
      messageType: [messageInit(JSON.parse(table), types)],
    });
    return found(createFileRegistry(file, () => asFile(types)).getMessage(typeName));
  });
}

/** The descriptor of the message at `index` among those in `parent`. */
export function nestedMessage(typeName: string, parent: DescMessage, index: number): DescMessage {
  return lazily("message", typeName, messagePrototype, () => found(parent.nestedMessages[index]));
}

/** An enum's descriptor, built late as a message's is; `table` is an EnumTable in JSON. */
export function lazyEnum(typeName: string, table: string): DescEnum {
  return lazily("enum", typeName, enumPrototype, () => {
    const file = create(FileDescriptorProtoSchema, {
      name: typeName,
      package: packageOf(typeName),
      syntax: "proto3",
      enumType: [enumInit(JSON.parse(table))],
    });
    return found(createFileRegistry(file, () => undefined).getEnum(typeName));
  });
}

/** The descriptor of the enum at `index` among those in `parent`. */
export function nestedEnum(typeName: string, parent: DescMessage, index: number): DescEnum {
  return lazily("enum", typeName, enumPrototype, () => found(parent.nestedEnums[index]));
}

function packageOf(typeName: string): string {
  return typeName.slice(0, typeName.lastIndexOf("."));
}

function messageInit(
  [name, fields = [], messages = [], enums = [], oneofs = [], isMapEntry]: MessageTable,
  types: readonly Type[],
): MessageInitShape<typeof DescriptorProtoSchema> {
  return {
    name,
    field: fields.map((field) => fieldInit(field, types)),
    nestedType: messages.map((message) => messageInit(message, types)),
    enumType: enums.map(enumInit),
    oneofDecl: oneofs.map((oneof) => ({ name: oneof })),
    ...(isMapEntry ? { options: { mapEntry: true } } : {}),
  };
}

function fieldInit(
  [name, number, type, of = "", label = "", oneof = "", isOptional = ""]: FieldTable,
  types: readonly Type[],
): MessageInitShape<typeof FieldDescriptorProtoSchema> {
  const typeName = typeof of === "string" ? of : found(types[of]).typeName;
  return {
    name,
    jsonName: protoCamelCase(name),
    number,
    type,
    label: label === "" ? Label.OPTIONAL : label,
    ...(typeName === "" ? {} : { typeName: `.${typeName}` }),
    ...(oneof === "" ? {} : { oneofIndex: oneof }),
    ...(isOptional === "" ? {} : { proto3Optional: true }),
  };
}

function enumInit([name, ...values]: EnumTable): MessageInitShape<typeof EnumDescriptorProtoSchema> {
  const value = [];
  for (let i = 0; i < values.length; i += 2) {
    value.push({ name: String(values[i]), number: Number(values[i + 1]) });
  }
  return { name, value };
}

/** Builds the true descriptor. */
const build = Symbol("build");

interface Lazy<D> {
  [build](): D;
}

const shared = ["proto", "deprecated", "file", "parent", "name", "toString"] as const;
const enumPrototype = lazyPrototype<DescEnum>([...shared, "open", "value", "values", "sharedPrefix"]);
const messagePrototype = lazyPrototype<DescMessage>([
  ...shared,
  "fields",
  "field",
  "oneofs",
  "members",
  "nestedEnums",
  "nestedMessages",
  "nestedExtensions",
]);

function lazily<D extends Type>(kind: D["kind"], typeName: string, prototype: object, make: () => D): D {
  return Object.assign(Object.create(prototype), { kind, typeName, [build]: make });
}

/** Properties that, when one is read, all become the object's own. */
function lazyPrototype<D extends Type>(names: readonly (keyof D)[]): object {
  const prototype = {};
  for (const name of names) {
    Object.defineProperty(prototype, name, {
      get(this: Lazy<D>) {
        const built = this[build]();
        for (const own of names) Object.defineProperty(this, own, { value: built[own], enumerable: true });
        return built[name];
      },
    });
  }
  return prototype;
}

/**
 * A file that fields may refer to. Its types stand among the enums whatever they are: messages would be asked at
 * once for the types nested in them, that is, be built.
 */
function asFile(types: readonly Type[]): DescFile {
  return {
    kind: "file",
    proto: { name: "uses" },
    messages: [],
    enums: types,
    services: [],
    extensions: [],
    dependencies: [],
  } as unknown as DescFile;
}

function found<T>(type: T | undefined): T {
  if (type === undefined) throw new Error("cannot happen: a generated descriptor does not hold its type");
  return type;
}
