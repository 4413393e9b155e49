import { type FieldSchema, memberPath, memberSchema } from "./istio-schemas.ts";

/**
 * `value`, which has this schema, as somebody sees it whose reading is recorded: the path of every field that is asked
 * for goes to `reads`, whether or not it is set.
 */
export function recordReads<T>(value: T, schema: FieldSchema, reads: Set<string>, path = ""): T {
  if (typeof value !== "object" || value === null) return value;
  const known = new Map<string, unknown>();
  return new Proxy(value, {
    get(target, name, receiver) {
      const member: unknown = Reflect.get(target, name, receiver);
      if (typeof name === "symbol") return member;
      if (Array.isArray(target) && !/^\d+$/.test(name)) return member;
      if (!Object.hasOwn(target, name) && schema.properties?.[name] === undefined) return member;
      const isItem = Array.isArray(target);
      const memberOf = isItem ? schema.items : memberSchema(schema, name);
      const at = isItem ? `${path}[]` : memberPath(schema, path, name);
      reads.add(at);
      if (memberOf === undefined) return member;
      // The same object each time: whoever keeps what he made of it beside it must find it again.
      if (!known.has(name)) known.set(name, recordReads(member, memberOf, reads, at));
      return known.get(name);
    },
  });
}
