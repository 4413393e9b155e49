import { decodeError, isJsonObject, type Pod, type SchemaNode } from "../../../kube/index.ts";

/** The object of an admission request as a Pod. Throws RangeError when it can't be one. */
export function parsePod(object: unknown, schema: SchemaNode): Pod {
  const problem = decodeError(schema, object);
  if (problem !== undefined) throw new RangeError(problem);
  const pod = withoutNull(object);
  if (!isPod(pod)) throw new RangeError("the object is no pod: metadata or named containers are missing");
  return pod;
}

/** What the decoder above leaves open: which fields have to be there. */
function isPod(value: unknown): value is Pod {
  if (!isJsonObject(value) || !isJsonObject(value["metadata"]) || !isJsonObject(value["spec"])) return false;
  const { containers, initContainers = [] } = value["spec"];
  return [containers, initContainers].every(
    (list) =>
      Array.isArray(list) && list.every((one) => isJsonObject(one) && typeof one["name"] === "string"),
  );
}

/** To Kubernetes a field that is null is an absent one. */
function withoutNull(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutNull);
  if (!isJsonObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, field]) => field !== null)
      .map(([name, field]) => [name, withoutNull(field)]),
  );
}
