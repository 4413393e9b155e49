import { readFileSync } from "node:fs";
import path from "node:path";
import { parse } from "yaml";
import { IsthmusError } from "../base/index.ts";
import { isJsonObject, type JsonObject } from "./patch/json-value.ts";

/** A kubeconfig, as kubectl reads it. */
export interface Kubeconfig {
  readonly currentContext: string;
  readonly contexts: ReadonlyMap<
    string,
    { readonly cluster: string; readonly user: string; readonly namespace?: string }
  >;
  /** As written: server, certificate-authority-data … */
  readonly clusters: ReadonlyMap<string, JsonObject>;
  /** As written: token, client-certificate-data, exec … */
  readonly users: ReadonlyMap<string, JsonObject>;
}

/** What one context says about reaching its cluster; goes into createHttpTransport as it is. */
export interface KubeAccess {
  /** "https://127.16.0.1:6443" */
  readonly server: string;
  /** PEM of the CAs that the server's certificate may come from; absent: the system's. */
  readonly ca?: string;
  /** PEM. */
  readonly clientCert?: string;
  /** PEM. */
  readonly clientKey?: string;
  readonly token?: string;
  /** Do not check the server's certificate. */
  readonly insecure?: boolean;
  /** Name that the server's certificate must have, where it is not the host of `server`. */
  readonly serverName?: string;
  /** Namespace of requests that name none. */
  readonly namespace?: string;
}

/** Reads the text of a kubeconfig (YAML or JSON). `file` is for messages. Throws "arguments/wrong". */
export function readKubeconfig(text: string, file = "kubeconfig"): Kubeconfig {
  let value: unknown;
  try {
    value = parse(text, { maxAliasCount: 10 });
  } catch (cause) {
    throw wrong(
      `${file} is no YAML: ${cause instanceof Error ? cause.message.split("\n")[0] : String(cause)}`,
      cause,
    );
  }
  if (!isJsonObject(value)) throw wrong(`${file} holds no kubeconfig`);
  const contexts = new Map(
    [...named(value["contexts"], "context", file)].map(([name, context]) => [
      name,
      {
        cluster: textOf(context["cluster"]) ?? "",
        user: textOf(context["user"]) ?? "",
        ...(textOf(context["namespace"]) === undefined ? {} : { namespace: String(context["namespace"]) }),
      },
    ]),
  );
  return {
    currentContext: textOf(value["current-context"]) ?? "",
    contexts,
    clusters: named(value["clusters"], "cluster", file),
    users: named(value["users"], "user", file),
  };
}

/**
 * The access that a context of a kubeconfig gives, the current one by default. Files that it names are read
 * relative to `folder`. Throws "cluster/unknown" for a context that is not there, and "arguments/wrong" for one
 * that needs a credential plugin: those are run by whoever connects to real clusters.
 */
export function parseKubeconfig(text: string, context?: string, folder = "."): KubeAccess {
  return accessOf(readKubeconfig(text), context, folder);
}

/** As parseKubeconfig, for a kubeconfig that is already read. */
export function accessOf(config: Kubeconfig, context = config.currentContext, folder = "."): KubeAccess {
  const chosen = config.contexts.get(context);
  if (chosen === undefined)
    throw new IsthmusError("cluster/unknown", `the kubeconfig has no context "${context}"`, {
      nextStep: `use one of: ${[...config.contexts.keys()].join(", ") || "none there"}`,
    });
  const cluster = config.clusters.get(chosen.cluster);
  const server = textOf(cluster?.["server"]);
  if (cluster === undefined || server === undefined)
    throw wrong(
      `context "${context}" names cluster "${chosen.cluster}", which has no server in the kubeconfig`,
    );
  const user = config.users.get(chosen.user) ?? {};
  if (user["exec"] !== undefined || user["auth-provider"] !== undefined)
    throw wrong(`user "${chosen.user}" of context "${context}" needs a credential plugin`);
  const read = (source: JsonObject, field: string) => contentOf(source, field, folder);
  return withoutUndefined({
    server,
    ca: read(cluster, "certificate-authority"),
    insecure: cluster["insecure-skip-tls-verify"] === true ? true : undefined,
    serverName: textOf(cluster["tls-server-name"]),
    clientCert: read(user, "client-certificate"),
    clientKey: read(user, "client-key"),
    token: textOf(user["token"]) ?? fileOf(user["tokenFile"], folder)?.trim(),
    namespace: chosen.namespace,
  });
}

/** The kubeconfig object (to be written as YAML or JSON) with one context for each entry, named alike; the first is current. */
export function formatKubeconfig(entries: readonly (KubeAccess & { readonly name: string })[]): JsonObject {
  return kubeconfigObject({
    currentContext: entries[0]?.name ?? "",
    contexts: new Map(
      entries.map(({ name, namespace }) => [
        name,
        { cluster: name, user: name, ...(namespace === undefined ? {} : { namespace }) },
      ]),
    ),
    clusters: new Map(
      entries.map(({ name, server, ca, insecure, serverName }) => [
        name,
        withoutUndefined({
          "certificate-authority-data": encode(ca),
          server,
          "insecure-skip-tls-verify": insecure,
          "tls-server-name": serverName,
        }),
      ]),
    ),
    users: new Map(
      entries.map(({ name, clientCert, clientKey, token }) => [
        name,
        withoutUndefined({
          "client-certificate-data": encode(clientCert),
          "client-key-data": encode(clientKey),
          token,
        }),
      ]),
    ),
  });
}

/** A kubeconfig as the object that its file holds. */
export function kubeconfigObject({ currentContext, contexts, clusters, users }: Kubeconfig): JsonObject {
  const list = (entries: ReadonlyMap<string, object>, field: string) =>
    [...entries].map(([name, value]) => ({ name, [field]: value }));
  return {
    apiVersion: "v1",
    kind: "Config",
    clusters: list(clusters, "cluster"),
    contexts: list(contexts, "context"),
    "current-context": currentContext,
    preferences: {},
    users: list(users, "user"),
  };
}

/** Several kubeconfigs as one, as kubectl merges the files of KUBECONFIG: of equal names the first one counts. */
export function mergeKubeconfigs(configs: readonly Kubeconfig[]): Kubeconfig {
  const merged = <T>(maps: readonly ReadonlyMap<string, T>[]) =>
    new Map(maps.toReversed().flatMap((map) => [...map]));
  return {
    currentContext: configs.find(({ currentContext }) => currentContext !== "")?.currentContext ?? "",
    contexts: merged(configs.map(({ contexts }) => contexts)),
    clusters: merged(configs.map(({ clusters }) => clusters)),
    users: merged(configs.map(({ users }) => users)),
  };
}

function named(list: unknown, field: string, file: string): ReadonlyMap<string, JsonObject> {
  const entries = new Map<string, JsonObject>();
  if (list === undefined || list === null) return entries;
  if (!Array.isArray(list)) throw wrong(`${file}: "${field}s" must be a list`);
  for (const item of list as readonly unknown[]) {
    const name = isJsonObject(item) ? textOf(item["name"]) : undefined;
    if (!isJsonObject(item) || name === undefined)
      throw wrong(`${file}: an entry of "${field}s" has no name`);
    const value = item[field];
    if (!entries.has(name)) entries.set(name, isJsonObject(value) ? value : {});
  }
  return entries;
}

/** `field`-data decoded from base64, or the content of the file that `field` names. */
function contentOf(source: JsonObject, field: string, folder: string): string | undefined {
  const data = textOf(source[`${field}-data`]);
  return data === undefined ? fileOf(source[field], folder) : Buffer.from(data, "base64").toString();
}

function fileOf(name: unknown, folder: string): string | undefined {
  const file = textOf(name);
  if (file === undefined) return undefined;
  try {
    return readFileSync(path.resolve(folder, file), "utf8");
  } catch (cause) {
    throw wrong(`the kubeconfig names ${file}, which cannot be read`, cause);
  }
}

function encode(text: string | undefined): string | undefined {
  return text === undefined ? undefined : Buffer.from(text).toString("base64");
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}

type Defined<T> = { [K in keyof T as undefined extends T[K] ? never : K]: T[K] } & {
  [K in keyof T as undefined extends T[K] ? K : never]?: Exclude<T[K], undefined>;
};

function withoutUndefined<T extends object>(fields: T): Defined<T> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Defined<T>;
}

function wrong(message: string, cause?: unknown): IsthmusError {
  return new IsthmusError("arguments/wrong", message, { cause });
}
