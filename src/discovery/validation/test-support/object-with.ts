import { isJsonObject, type JsonObject } from "../../../kube/index.ts";
import type { FieldSchema, IstioKind } from "./istio-schemas.ts";
import { memberSchema } from "./istio-schemas.ts";

/** What an object of each kind has to say beside the field in question. */
const least: Readonly<Record<string, JsonObject>> = {
  DestinationRule: { host: "web" },
  Gateway: {
    selector: { app: "gateway" },
    servers: [
      { port: { number: 443, name: "https", protocol: "HTTPS" }, hosts: ["*"], tls: { mode: "SIMPLE" } },
    ],
  },
  ServiceEntry: {
    hosts: ["external.example.com"],
    ports: [{ number: 80, name: "http", protocol: "HTTP" }],
    resolution: "STATIC",
  },
  VirtualService: { hosts: ["web"], http: [{ route: [{ destination: { host: "web" } }] }] },
  WorkloadEntry: { address: "1.2.3.4" },
};

/** What has to stand beside a field for it to be looked at, by the object that they are in. */
const beside: readonly (readonly [path: RegExp, fields: JsonObject])[] = [
  [/localityLbSetting\.failover\[\]$/, { from: "r1", to: "r2" }],
  [/distribute\[\]$/, { from: "r1/*", to: { "r1/*": 100 } }],
  [/rafficPolicy(?:\.portLevelSettings\[\])?$/, { outlierDetection: { interval: "1s" } }],
  [/portLevelSettings\[\]$/, { port: { number: 80 } }],
  [/subsets\[\]$/, { name: "v1", labels: { version: "v1" } }],
  [/httpCookie$/, { name: "c" }],
  [/\.tls$/, { mode: "MUTUAL" }],
  [/ingress\[\]$/, { port: { number: 8080, protocol: "HTTPS", name: "https" } }],
  [/egress\[\]$/, { hosts: ["*/*"] }],
  [/endpoints\[\]$/, { address: "1.2.3.4" }],
];

/** An object of `kind` that sets the field at `path`, to `value` if it is given, and no more than that takes. */
export function objectWith(
  { kind, apiVersion, spec: schema }: IstioKind,
  path: string,
  value?: unknown,
): JsonObject {
  const steps = path.match(/\[\]|[^.[\]]+/g) ?? [];
  const spec = withValue(least[kind] ?? {}, schema, steps, "", value);
  return { apiVersion, kind, metadata: { name: "set", namespace: "sample" }, spec };
}

function withValue(
  present: unknown,
  schema: FieldSchema,
  steps: readonly string[],
  path: string,
  value: unknown,
): unknown {
  const [step, ...rest] = steps;
  if (step === undefined) return value ?? present ?? someValue(schema);
  if (step === "[]") {
    const [first, ...others] = Array.isArray(present) ? present : [];
    return [withValue(first, schema.items ?? {}, rest, `${path}[]`, value), ...others];
  }
  const object: JsonObject = isJsonObject(present) ? present : {};
  const seeds = beside.filter(([where]) => where.test(path)).map(([, fields]) => fields);
  const seeded: JsonObject = Object.assign({}, ...seeds, object);
  const name = step === "*" ? (Object.keys(seeded)[0] ?? "80") : step;
  const at = path === "" ? step : `${path}.${step}`;
  return { ...seeded, [name]: withValue(seeded[name], memberSchema(schema, name) ?? {}, rest, at, value) };
}

/** A value that is not the one of a field that is not set. */
function someValue(schema: FieldSchema): unknown {
  if (schema.enum !== undefined) return schema.enum.at(-1);
  switch (schema.type) {
    case "boolean":
      return true;
    case "integer":
    case "number":
      return 1;
    case "object":
      return { a: "b" };
    default:
      return "x";
  }
}
