import { createHash } from "node:crypto";
import type { Answer, Call } from "../http/call.ts";
import type { Registry } from "../registry/registry.ts";
import { notAcceptable, unknownPath } from "../status.ts";

/** Serves the OpenAPI documents under /openapi. */
export interface OpenApi {
  answer(call: Call): Promise<Answer>;
}

const v2Protobuf = "application/com.github.proto-openapi.spec.v2@v1.0+protobuf";

/**
 * Documents by their hash, for all servers of the process: they serve mostly the same kinds. Few, since only the
 * documents that somebody asked for are made.
 */
const documents = new Map<string, string>();
const mostDocuments = 64;

/** Makes the documents of what the registry serves when they are asked for. */
export function createOpenApi(registry: Registry, kubernetesVersion: string): OpenApi {
  let generation = -1;
  let made = new Map<string, { body: string | Buffer; etag: string }>();

  const once = async (name: string, make: () => Promise<string | Buffer>) => {
    if (generation !== registry.generation) {
      generation = registry.generation;
      made = new Map();
    }
    const known = made.get(name);
    if (known !== undefined) return known;
    const body = await make();
    const document = { body, etag: `"${createHash("sha512").update(body).digest("hex").toUpperCase()}"` };
    made.set(name, document);
    return document;
  };
  const answered = async (call: Call, name: string, type: string, make: () => Promise<string | Buffer>) => {
    const { body, etag } = await once(name, make);
    if (call.headers["if-none-match"] === etag)
      return { kind: "text", status: 304, body: "", headers: { etag, vary: "Accept" } } as const;
    const headers = { "content-type": type, etag, vary: "Accept" };
    return { kind: "text", status: 200, body, headers } as const;
  };
  const everything = () =>
    registry
      .groups()
      .flatMap(({ group, versions }) => versions.flatMap((version) => registry.resources(group, version)));

  return {
    async answer(call) {
      const path = call.path.replace(/\/$/, "");
      if (path === "/openapi/v3")
        return answered(call, "v3", "application/json", async () => {
          const { openApiV3Index } = await import("../../kube/index.ts");
          return JSON.stringify(openApiV3Index(everything()));
        });
      if (path.startsWith("/openapi/v3/")) return v3Document(registry, kubernetesVersion, call, path);
      if (path !== "/openapi/v2") throw unknownPath();
      const accept = call.headers["accept"] ?? "*/*";
      const { encodeOpenApiV2, openApiV2Document } = await import("../../kube/index.ts");
      if (accept.includes(v2Protobuf))
        return answered(call, "v2 protobuf", v2Protobuf.replace("@", "."), async () =>
          encodeOpenApiV2(openApiV2Document(everything(), kubernetesVersion)),
        );
      if (!/application\/json|\*\/\*/.test(accept)) throw notAcceptable();
      return answered(call, "v2", "application/json", async () =>
        JSON.stringify(openApiV2Document(everything(), kubernetesVersion)),
      );
    },
  };
}

async function v3Document(
  registry: Registry,
  kubernetesVersion: string,
  call: Call,
  path: string,
): Promise<Answer> {
  const [place, group, version] = path.slice("/openapi/v3/".length).split("/");
  const resources =
    place === "api" && version === undefined
      ? registry.resources("", group ?? "")
      : registry.resources(group ?? "", version ?? "");
  if (resources.length === 0) throw unknownPath();
  const { openApiHash, openApiV3Document } = await import("../../kube/index.ts");
  const hash = openApiHash(resources);
  const asked = call.query.get("hash") ?? "";
  // What a client keeps under a hash for ever must be what the hash is of.
  if (asked !== "" && asked !== hash)
    return { kind: "text", status: 301, body: "", headers: { location: `${path}?hash=${hash}` } };
  const etag = `"${hash}"`;
  const headers = {
    etag,
    vary: "Accept",
    ...(asked === "" ? {} : { "cache-control": "public, immutable", expires: farFuture() }),
  };
  if (call.headers["if-none-match"] === etag) return { kind: "text", status: 304, body: "", headers };
  const key = `${kubernetesVersion} ${hash}`;
  let body = documents.get(key);
  if (body === undefined) {
    body = JSON.stringify(openApiV3Document(resources, kubernetesVersion));
    if (documents.size >= mostDocuments) documents.clear();
    documents.set(key, body);
  }
  return { kind: "text", status: 200, body, headers: { "content-type": "application/json", ...headers } };
}

const year = 365 * 24 * 3_600_000;

function farFuture(): string {
  return new Date(Date.now() + year).toUTCString();
}
