import { notAcceptable } from "../status.ts";

/** The form in which a client wants objects. Everything is JSON but `yaml`. */
export interface Form {
  readonly as: "object" | "table" | "partial";
  /** "v1" or "v1beta1" of meta.k8s.io, for tables and partial objects. */
  readonly version: string;
  readonly yaml: boolean;
}

const plain: Form = { as: "object", version: "v1", yaml: false };
const known = new Map<string, Form | undefined>();

/**
 * The first form of an Accept header that this server can give. Objects are never sent as protobuf: every client
 * that asks for it takes JSON as well. Throws a 406 when nothing fits.
 */
export function acceptedForm(accept: string | undefined): Form {
  if (accept === undefined || accept === "" || accept === "application/json" || accept === "*/*")
    return plain;
  if (!known.has(accept)) {
    if (known.size > 200) known.clear(); // Clients choose the header, so the memory is bounded.
    known.set(accept, parse(accept));
  }
  const form = known.get(accept);
  if (form === undefined) throw notAcceptable();
  return form;
}

function parse(accept: string): Form | undefined {
  for (const clause of accept.split(",")) {
    const { type, parameters } = mediaType(clause);
    const yaml = type === "application/yaml";
    if (!yaml && type !== "application/json" && type !== "*/*" && type !== "application/*") continue;
    const as = parameters.get("as");
    const group = parameters.get("g") ?? "meta.k8s.io";
    const version = parameters.get("v") ?? "v1";
    if (as === undefined) return { ...plain, yaml };
    if (group !== "meta.k8s.io" || (version !== "v1" && version !== "v1beta1")) continue;
    if (as === "Table") return { as: "table", version, yaml };
    if (as === "PartialObjectMetadata" || as === "PartialObjectMetadataList")
      return { as: "partial", version, yaml };
  }
  return undefined;
}

/** A media type and its parameters, as in `application/json;as=Table;v=v1`. */
export function mediaType(text: string): { type: string; parameters: ReadonlyMap<string, string> } {
  const [type = "", ...rest] = text.split(";").map((part) => part.trim());
  const parameters = new Map(
    rest.map((part): [string, string] => {
      const equals = part.indexOf("=");
      return equals < 0 ? [part, ""] : [part.slice(0, equals), part.slice(equals + 1)];
    }),
  );
  return { type: type.toLowerCase(), parameters };
}
