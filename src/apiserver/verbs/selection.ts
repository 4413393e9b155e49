import {
  type KubeObject,
  parseFieldSelector,
  parseLabelSelector,
  type Selector,
  SelectorError,
} from "../../kube/index.ts";
import { pathValue } from "../custom-resources/field-path.ts";
import type { ResourceType } from "../registry/resource-type.ts";
import { badRequest } from "../status.ts";

/** Which objects of a resource a request is about. */
export interface Selection {
  /** The one name that can match, when the field selector says so. */
  readonly name: string | undefined;
  /** Whether every object matches. */
  readonly all: boolean;
  matches(object: KubeObject): boolean;
}

const everything: Selection = { name: undefined, all: true, matches: () => true };

/** Reads labelSelector and fieldSelector of a query. Throws a 400 for selectors nobody can evaluate. */
export function selectionOf(type: ResourceType, query: URLSearchParams): Selection {
  const labels = query.get("labelSelector") ?? "";
  const fields = query.get("fieldSelector") ?? "";
  if (labels === "" && fields === "") return everything;
  const selector = parsed(() => parseLabelSelector(labels));
  const requirements = parsed(() => parseFieldSelector(fields)).map(({ path, op, value }) => ({
    read: fieldReader(type, path),
    path,
    op,
    value,
  }));
  const named = requirements.find(({ path, op }) => path === "metadata.name" && op === "=");
  const matchesLabels = (object: KubeObject) =>
    labels === "" || (selector as Selector).matches(object.metadata.labels ?? {});
  return {
    name: named?.value,
    all: false,
    matches: (object) =>
      requirements.every(({ read, op, value }) => (read(object) === value) === (op === "=")) &&
      matchesLabels(object),
  };
}

function parsed<T>(parse: () => T): T {
  try {
    return parse();
  } catch (reason) {
    if (reason instanceof SelectorError) throw badRequest(reason.message);
    throw reason;
  }
}

function fieldReader(type: ResourceType, path: string): (object: KubeObject) => string {
  if (path === "metadata.name") return (object) => object.metadata.name;
  if (path === "metadata.namespace") return (object) => object.metadata.namespace ?? "";
  const fields = type.strategy.selectableFields ?? {};
  const own = Object.hasOwn(fields, path) ? fields[path] : undefined;
  if (own !== undefined) return own;
  if (type.custom?.selectableFields.includes(path))
    return (object) => {
      const value = pathValue(object, path);
      return value === undefined || value === null ? "" : String(value);
    };
  throw badRequest(`field label not supported: ${path}`);
}
