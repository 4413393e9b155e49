import { createHash } from "node:crypto";
import { mediaType } from "../http/accepted-form.ts";
import { type Answer, type Call, plainText } from "../http/call.ts";
import type { Registry } from "../registry/registry.ts";
import type { ResourceType } from "../registry/resource-type.ts";
import { unknownPath } from "../status.ts";

/** Tells clients what is served: /api, /apis and the lists below them, in the old form and the aggregated one. */
export interface ApiDiscovery {
  /** Undefined when the path is none of discovery's. */
  answer(call: Call): Answer | undefined;
}

/** Answers from what the registry serves; documents are kept until it changes. */
export function createApiDiscovery(parts: {
  readonly registry: Registry;
  readonly serverAddress: string;
}): ApiDiscovery {
  const { registry, serverAddress } = parts;
  // Made anew when the registry has changed; clients ask often and get their 304.
  let made = new Map<string, { text: string; etag: string }>();
  let generation = -1;
  const document = (name: string, make: () => object) => {
    if (generation !== registry.generation) {
      generation = registry.generation;
      made = new Map();
    }
    const known = made.get(name);
    if (known !== undefined) return known;
    const text = JSON.stringify(make());
    const etag = `"${createHash("sha512").update(text).digest("hex").toUpperCase()}"`;
    made.set(name, { text, etag });
    return { text, etag };
  };
  const answerText = (name: string, type: string, make: () => object, call?: Call): Answer => {
    const { text, etag } = document(name, make);
    const headers = { "content-type": type, ...(call === undefined ? {} : { etag, vary: "Accept" }) };
    if (call !== undefined && call.headers["if-none-match"] === etag)
      return { kind: "text", status: 304, body: "", headers: { etag, vary: "Accept" } };
    return { kind: "text", status: 200, body: text, headers };
  };

  return {
    answer(call) {
      const path = call.path.length > 1 && call.path.endsWith("/") ? call.path.slice(0, -1) : call.path;
      if (path === "/api" || path === "/apis") {
        const version = aggregatedVersion(call.headers["accept"] ?? "");
        if (version !== undefined) {
          const type = `application/json;g=apidiscovery.k8s.io;v=${version};as=APIGroupDiscoveryList`;
          return answerText(
            `${path} ${version}`,
            type,
            () => aggregated(registry, path === "/api", version),
            call,
          );
        }
        return answerText(path, "application/json", () =>
          path === "/api" ? apiVersions(serverAddress) : apiGroups(registry),
        );
      }
      const parts = path.split("/");
      if (parts[1] === "api" && parts.length === 3) return resourceList("", parts[2] ?? "");
      if (parts[1] !== "apis") return undefined;
      const group = parts[2] ?? "";
      if (parts.length === 3) {
        const found = registry.groups().find((one) => one.group === group);
        if (found === undefined || group === "") throw unknownPath();
        return answerText(path, "application/json", () => ({
          kind: "APIGroup",
          apiVersion: "v1",
          ...apiGroup(found),
        }));
      }
      if (parts.length === 4) return resourceList(group, parts[3] ?? "");
      return undefined;
    },
  };

  function resourceList(group: string, version: string): Answer {
    const types = registry.resources(group, version);
    if (types.length === 0) throw unknownPath();
    return answerText(`list ${group}/${version}`, "application/json", () => ({
      kind: "APIResourceList",
      ...(group === "" ? {} : { apiVersion: "v1" }),
      groupVersion: group === "" ? version : `${group}/${version}`,
      resources: types.flatMap(apiResources),
    }));
  }
}

/** The version of the aggregated form that a client prefers; undefined for the old form. */
function aggregatedVersion(accept: string): "v2" | "v2beta1" | undefined {
  for (const clause of accept.split(",")) {
    const { type, parameters } = mediaType(clause);
    if (type !== "application/json" && type !== "*/*") continue;
    if (parameters.get("as") !== "APIGroupDiscoveryList") return undefined;
    const version = parameters.get("v");
    if (version === "v2" || version === "v2beta1") return version;
  }
  return undefined;
}

function apiVersions(serverAddress: string): object {
  return {
    kind: "APIVersions",
    versions: ["v1"],
    serverAddressByClientCIDRs: [{ clientCIDR: "0.0.0.0/0", serverAddress }],
  };
}

function apiGroups(registry: Registry): object {
  const groups = registry.groups().filter(({ group }) => group !== "");
  return { kind: "APIGroupList", apiVersion: "v1", groups: groups.map(apiGroup) };
}

function apiGroup({
  group,
  versions,
}: {
  readonly group: string;
  readonly versions: readonly string[];
}): object {
  const list = versions.map((version) => ({ groupVersion: `${group}/${version}`, version }));
  return { name: group, versions: list, preferredVersion: list[0] };
}

function apiResources(type: ResourceType): object[] {
  const { plural, singular, namespaced, kind, verbs, shortNames, categories, storedAs } = type;
  return [
    {
      name: plural,
      singularName: singular,
      namespaced,
      kind,
      verbs,
      ...(shortNames.length === 0 ? {} : { shortNames }),
      ...(categories.length === 0 ? {} : { categories }),
      ...(type.review === true || type.measured === true
        ? {}
        : { storageVersionHash: storageVersionHash(storedAs, type.storedVersion) }),
    },
    ...type.subresources.map((part) => ({
      name: `${plural}/${part.name}`,
      singularName: "",
      namespaced,
      ...(part.group === undefined ? {} : { group: part.group, version: part.version }),
      kind: part.kind ?? kind,
      verbs: part.verbs,
    })),
  ];
}

function storageVersionHash(storedAs: string, storedVersion: string): string {
  return createHash("sha256")
    .update(`${storedAs} ${storedVersion}`)
    .digest()
    .subarray(0, 8)
    .toString("base64");
}

function aggregated(registry: Registry, core: boolean, version: "v2" | "v2beta1"): object {
  const groups = registry.groups().filter(({ group }) => (group === "") === core);
  return {
    kind: "APIGroupDiscoveryList",
    apiVersion: `apidiscovery.k8s.io/${version}`,
    metadata: {},
    items: groups.map(({ group, versions }) => ({
      metadata: { ...(group === "" ? {} : { name: group }), creationTimestamp: null },
      versions: versions.map((one) => ({
        version: one,
        resources: registry.resources(group, one).map(aggregatedResource),
        freshness: "Current",
      })),
    })),
  };
}

function aggregatedResource(type: ResourceType): object {
  const { plural, singular, namespaced, kind, verbs, shortNames, categories, group, version } = type;
  return {
    resource: plural,
    responseKind: { group, version, kind },
    scope: namespaced ? "Namespaced" : "Cluster",
    singularResource: singular,
    verbs,
    ...(shortNames.length === 0 ? {} : { shortNames }),
    ...(categories.length === 0 ? {} : { categories }),
    ...(type.subresources.length === 0
      ? {}
      : {
          subresources: type.subresources.map((part) => ({
            subresource: part.name,
            responseKind: {
              group: part.group ?? group,
              version: part.version ?? version,
              kind: part.kind ?? kind,
            },
            verbs: part.verbs,
          })),
        }),
  };
}

/** /version, as kubectl and helm read it. */
export function versionAnswer(kubernetesVersion: string): Answer {
  const [major = "1", minor = "0"] = kubernetesVersion.split(".");
  const body = {
    major,
    minor,
    gitVersion: `v${kubernetesVersion}`,
    gitCommit: "",
    gitTreeState: "clean",
    buildDate: "1970-01-01T00:00:00Z",
    goVersion: "",
    compiler: "isthmus",
    platform: `${process.platform === "win32" ? "windows" : process.platform}/${process.arch === "x64" ? "amd64" : process.arch}`,
  };
  return { kind: "json", status: 200, body };
}

/** /healthz, /readyz and /livez: it answers, so it lives. */
export function healthAnswer(call: Call): Answer {
  const name = call.path.split("/")[1] ?? "";
  const verbose = call.query.has("verbose");
  return plainText(200, verbose ? `[+]ping ok\n${name} check passed\n` : "ok");
}
