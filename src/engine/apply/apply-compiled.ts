import {
  createSignal,
  type Diagnostic,
  IsthmusError,
  type Logger,
  type Signal,
  waitFor,
} from "../../base/index.ts";
import type { CaFiles } from "../../ca/index.ts";
import type { ChartReference, Compiled, CompiledItem } from "../../compile/index.ts";
import {
  ApiError,
  formatKubeconfig,
  formatYaml,
  type Informer,
  type KubeClient,
  type KubeObject,
  kinds,
  type Secret,
  type Service,
  startInformer,
} from "../../kube/index.ts";
import type { ChartStandIn } from "../charts/index.ts";
import { type AddressReference, fillLateValues } from "./late-values.ts";
import { createResourceMap, type ResourceMap } from "./resource-map.ts";

/** A cluster as apply needs it. */
export interface ApplyTarget {
  readonly client: KubeClient;
  readonly services: Informer<Service>;
  /** How other clusters reach its API. */
  readonly server: string;
  /** PEM of the API's CA. */
  readonly apiCa: string;
  readonly caFiles: CaFiles;
}

export interface ApplyOptions {
  readonly targets: ReadonlyMap<string, ApplyTarget>;
  readonly charts: readonly ChartStandIn[];
  readonly istioVersion: string;
  /** How long to wait for a load balancer's address, in milliseconds. */
  readonly addressTimeout: number;
  readonly signal: AbortSignal;
  readonly log: Logger;
  /** Told what is waited for; undefined when the wait is over. */
  waiting(cluster: string, what: string | undefined): void;
}

const readerAccount = "istio-reader-service-account";
const tokenSecret = `${readerAccount}-istio-remote-secret-token`;

/**
 * Applies everything that compile made, all clusters side by side, each in its own order. Objects of kinds that
 * a cluster does not serve are returned as warnings and applied as soon as their CRD appears. Rejects with
 * manifest/refused when an API server refuses an object, gateway/no-address when an address does not come.
 */
export async function applyCompiled(
  compiled: Compiled,
  options: ApplyOptions,
): Promise<readonly Diagnostic[]> {
  const perCluster = [...compiled.clusters].map(async ([name, items]) => {
    const target = options.targets.get(name);
    return target === undefined ? [] : applyCluster(name, target, items, options);
  });
  return (await Promise.all(perCluster)).flat();
}

async function applyCluster(
  name: string,
  target: ApplyTarget,
  items: readonly CompiledItem[],
  options: ApplyOptions,
): Promise<readonly Diagnostic[]> {
  const resources = createResourceMap(target.client);
  const unserved: KubeObject[] = [];
  const apply = async (object: KubeObject) => {
    if (!(await applyObject(target.client, resources, object, name))) unserved.push(object);
  };
  for (const item of items) {
    options.signal.throwIfAborted();
    if (item.kind === "object") await apply(item.object);
    else if (item.kind === "generated-secret")
      await apply(await fillSecret(item.object, item.source, name, options));
    else for (const object of await renderChart(item.chart, name, options)) await apply(object);
  }
  if (unserved.length > 0) void applyWhenServed(target.client, resources, unserved, name, options);
  return unserved.map(({ apiVersion, kind, metadata }) => ({
    severity: "warning",
    code: "mesh/kind-not-served",
    path: ["clusters", name],
    message: `${name}: ${kind} ${metadata.name} (${apiVersion}) waits for its CustomResourceDefinition`,
    hint: "what would install it does not run here yet; it is applied as soon as the kind is served",
  }));
}

async function applyObject(
  client: KubeClient,
  resources: ResourceMap,
  object: KubeObject,
  cluster: string,
): Promise<boolean> {
  const kind = await resources.find(object.apiVersion, object.kind);
  if (kind === undefined) return false;
  const { namespace: written, ...metadata } = object.metadata;
  const placed = kind.namespaced
    ? { ...object, metadata: { ...metadata, namespace: written ?? "default" } }
    : { ...object, metadata };
  try {
    await client.apply(kind, placed);
  } catch (reason) {
    if (!(reason instanceof ApiError)) throw reason;
    const from = object.metadata.annotations?.["isthmus.dev/from"];
    throw new IsthmusError(
      "manifest/refused",
      `${cluster} refuses ${object.kind} ${object.metadata.name}: ${reason.message}`,
      {
        cause: reason,
        nextStep:
          from === undefined
            ? "Mend the manifest, then run isthmus up again."
            : `It comes from ${from} of the mesh file.`,
      },
    );
  }
  return true;
}

async function renderChart(
  chart: ChartReference,
  cluster: string,
  options: ApplyOptions,
): Promise<readonly KubeObject[]> {
  const standIn = options.charts.find((one) => one.chart === chart.chart.split("/").at(-1));
  if (standIn === undefined) return [];
  const values = await fillLateValues(chart.values, (reference) => addressOf(reference, cluster, options));
  const version = chart.version ?? options.istioVersion;
  return standIn.render({
    namespace: chart.namespace,
    version,
    values: values as Readonly<Record<string, unknown>>,
  });
}

async function addressOf(
  reference: AddressReference,
  waiter: string,
  options: ApplyOptions,
): Promise<string> {
  const { cluster, namespace, service } = reference;
  const services = options.targets.get(cluster)?.services;
  const probe = () => {
    const ingress = services?.get(service, namespace)?.status?.loadBalancer?.ingress?.[0];
    return ingress?.ip ?? ingress?.hostname;
  };
  const present = probe();
  if (present !== undefined || services === undefined) return present ?? "";
  options.waiting(waiter, `the address of Service ${namespace}/${service} in ${cluster}`);
  const timeout = AbortSignal.timeout(options.addressTimeout);
  try {
    return await waitFor(probe, {
      signal: AbortSignal.any([options.signal, timeout]),
      changes: services.changes,
    });
  } catch (reason) {
    if (!timeout.aborted) throw reason;
    const seconds = Math.round(options.addressTimeout / 1000);
    throw new IsthmusError(
      "gateway/no-address",
      `Service ${namespace}/${service} in ${cluster} got no address within ${seconds} s; ${waiter} needs it to reach its control plane`,
      {
        nextStep: `Look at kubectl --context ${cluster} -n ${namespace} describe service ${service}.`,
      },
    );
  } finally {
    options.waiting(waiter, undefined);
  }
}

async function fillSecret(
  object: KubeObject,
  source: Extract<CompiledItem, { kind: "generated-secret" }>["source"],
  cluster: string,
  options: ApplyOptions,
): Promise<KubeObject> {
  const base64 = (text: string) => Buffer.from(text).toString("base64");
  if (source.kind === "cacerts") {
    const files: Readonly<Record<string, string>> = { ...options.targets.get(cluster)?.caFiles };
    return {
      ...object,
      data: Object.fromEntries(Object.entries(files).map(([name, text]) => [name, base64(text)])),
    };
  }
  const remote = options.targets.get(source.cluster);
  if (remote === undefined) return object;
  const token = await readerToken(remote.client, object.metadata.namespace ?? "istio-system", options);
  const kubeconfig = formatKubeconfig([
    { name: source.cluster, server: remote.server, ca: remote.apiCa, token },
  ]);
  return { ...object, data: { [source.cluster]: base64(formatYaml(kubeconfig)) } };
}

/** The long-lived token of the remote's reader account, made the way `istioctl create-remote-secret` does. */
async function readerToken(client: KubeClient, namespace: string, options: ApplyOptions): Promise<string> {
  const stop = new AbortController();
  const signal = AbortSignal.any([options.signal, stop.signal]);
  const { log } = options;
  try {
    const accounts = startInformer(client, kinds.serviceAccounts, { namespace, signal, log });
    await waitFor(() => accounts.get(readerAccount, namespace), { signal, changes: accounts.changes });
    const secret: Secret = {
      apiVersion: "v1",
      kind: "Secret",
      type: "kubernetes.io/service-account-token",
      metadata: {
        name: tokenSecret,
        namespace,
        annotations: { "kubernetes.io/service-account.name": readerAccount },
      },
    };
    await client.apply(kinds.secrets, secret);
    const secrets = startInformer(client, kinds.secrets, {
      namespace,
      fieldSelector: `metadata.name=${tokenSecret}`,
      signal,
      log,
    });
    const encoded = await waitFor(() => secrets.get(tokenSecret, namespace)?.data?.["token"], {
      signal,
      changes: secrets.changes,
    });
    return Buffer.from(encoded, "base64").toString("utf8");
  } finally {
    stop.abort();
  }
}

/** Applies `objects` when a CustomResourceDefinition begins to serve their kinds. Ends when all are applied or the mesh stops. */
async function applyWhenServed(
  client: KubeClient,
  resources: ResourceMap,
  objects: readonly KubeObject[],
  cluster: string,
  { signal, log }: ApplyOptions,
): Promise<void> {
  const done = new AbortController();
  const ended = AbortSignal.any([signal, done.signal]);
  const crds = startInformer(client, kinds.customResourceDefinitions, { signal: ended, log });
  const changed: Signal = createSignal();
  crds.changes.subscribe(() => changed.notify(), ended);
  let left = objects;
  try {
    await waitFor(
      async () => {
        resources.forget();
        const still: KubeObject[] = [];
        for (const object of left) {
          const applied = await applyObject(client, resources, object, cluster).catch((reason: unknown) => {
            log.warn(
              { cluster, kind: object.kind, name: object.metadata.name, reason: String(reason) },
              "not applied",
            );
            return true;
          });
          if (!applied) still.push(object);
        }
        left = still;
        return left.length === 0 ? true : undefined;
      },
      { signal: ended, changes: changed },
    );
  } catch {
    // The mesh stopped first.
  } finally {
    done.abort();
  }
}
