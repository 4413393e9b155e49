import { IsthmusError, systemClock, waitFor } from "../base/index.ts";
import {
  beginRotation,
  type CaFiles,
  endStep,
  type RotationKind,
  type RotationStep,
  writeRotationFiles,
} from "../ca/index.ts";
import { isApiError, type KubeClient, kinds, type Secret, systemNamespace } from "../kube/index.ts";
import { findDisagreements, type ProxyTrust, type TrustingCluster } from "../management/index.ts";
import { countLosses, type Losses } from "../verify/index.ts";
import { gatherFacts } from "./gather-status.ts";
import { getJson } from "./http-get.ts";
import { activeCertificates } from "./proxy-config/secrets.ts";
import type { RunningMesh } from "./start-mesh.ts";
import { stoppedCluster } from "./stopped-cluster.ts";
import { verifyTarget } from "./verify-target.ts";

/** One step of a rotation that is done everywhere. */
export interface RotationReport {
  readonly kind: RotationKind;
  readonly step: RotationStep;
  /** All of this rotation. */
  readonly steps: readonly RotationStep[];
  /** What comes next; absent: the rotation is over. */
  readonly next?: RotationStep;
  readonly milliseconds: number;
  /** How many hold it now. */
  readonly clusters: number;
  readonly proxies: number;
  /** Requests across the clusters meanwhile. */
  readonly losses: Losses;
}

const adminPort = 15000;
/** How often everybody is asked, in milliseconds. */
const askEvery = 500;
/** At most this many of those that are waited for are named. */
const namedAtMost = 10;

/**
 * Takes the next step of a rotation of the mesh's CAs, beginning one when none is under way, and waits until every
 * cluster and proxy has taken it, at most `timeout` milliseconds. Interrupted, it goes on where it was when it is
 * called again. Every cluster must run: whoever misses a step would not believe the others after the next.
 */
export async function rotateTrust(
  mesh: RunningMesh,
  options: { readonly kind?: RotationKind | undefined; readonly timeout: number },
  signal: AbortSignal,
): Promise<RotationReport> {
  const started = performance.now();
  for (const name of mesh.trust.files.keys()) if (!mesh.clusters.has(name)) throw stoppedCluster(name);
  const issuer = [...mesh.mesh.clusters.values()].find(({ trust }) => trust.issuer !== undefined)?.trust
    .issuer;
  if (issuer !== undefined)
    throw new IsthmusError(
      "arguments/wrong",
      `the CAs are issued by cert-manager's ${issuer.kind} ${issuer.name}, which renews them`,
      { nextStep: "Renew one now with: cmctl renew -n istio-system cacerts" },
    );
  const { places } = mesh.trust;
  const now = systemClock.now();
  const rotation = beginRotation(mesh.rotation, places, { kind: options.kind, mesh: mesh.mesh.name, now });
  const retired = new Set(rotation.step === "retire" ? rotation.replaced : []);
  const { result: proxies, losses } = await countLosses(
    verifyTarget(mesh),
    async () => {
      writeRotationFiles(mesh.rotation);
      mesh.trust.reload(systemClock.now());
      await Promise.all(
        [...mesh.trust.files].map(async ([name, files]) => {
          const client = mesh.clusters.get(name)?.client;
          if (client !== undefined) await writeCacerts(client, files);
        }),
      );
      return untilAgreed(mesh, retired, options.timeout, signal);
    },
    signal,
  );
  const next = endStep(mesh.rotation)?.step;
  return {
    kind: rotation.kind,
    step: rotation.step,
    steps: rotation.steps,
    ...(next === undefined ? {} : { next }),
    milliseconds: performance.now() - started,
    clusters: mesh.trust.files.size,
    proxies,
    losses,
  };
}

/** How many proxies there are, once all of them hold what the clusters' CAs say. */
async function untilAgreed(
  mesh: RunningMesh,
  retired: ReadonlySet<string>,
  timeout: number,
  signal: AbortSignal,
): Promise<number> {
  const deadline = AbortSignal.timeout(timeout);
  let waitingFor: readonly string[] = [];
  const probe = async () => {
    const proxies = await proxyTrusts(mesh);
    waitingFor = await findDisagreements(trustingClusters(mesh), proxies, retired);
    return waitingFor.length === 0 ? proxies.length : undefined;
  };
  try {
    return await waitFor(probe, { signal: AbortSignal.any([signal, deadline]), every: askEvery });
  } catch (reason) {
    if (!deadline.aborted || signal.aborted) throw reason;
    const named = waitingFor.slice(0, namedAtMost);
    const more = waitingFor.length - named.length;
    throw new IsthmusError(
      "trust/rotation-timed-out",
      `after ${Math.round(timeout / 1000)} s these have not followed:\n    ${[...named, ...(more > 0 ? [`and ${more} more`] : [])].join("\n    ")}`,
      {
        nextStep:
          "Nothing is lost: old and new are believed alike. Mend these, then isthmus trust rotate goes on with this step.",
      },
    );
  }
}

/** Each cluster with the CA of the control plane that serves it. */
function trustingClusters(mesh: RunningMesh): readonly TrustingCluster[] {
  return [...mesh.clusters].flatMap(([name, { client, cluster }]) => {
    const files = mesh.trust.files.get(cluster.primary);
    if (files === undefined || cluster.role !== "workload") return [];
    return [{ name, client, roots: files["root-cert.pem"], intermediate: files["ca-cert.pem"] }];
  });
}

/** What every running proxy of the mesh says of itself. One that starts or ends meanwhile begins with what is new. */
async function proxyTrusts(mesh: RunningMesh): Promise<readonly ProxyTrust[]> {
  const { proxies } = await gatherFacts(mesh);
  const asked = await Promise.all(
    proxies.map(async ({ cluster, namespace, pod: name }): Promise<ProxyTrust | undefined> => {
      const known = { cluster, name: `${name}.${namespace}` };
      const pod = mesh.watches.get(cluster)?.pods.get(name, namespace);
      if (pod?.status?.podIP === undefined || pod.status.phase !== "Running") return undefined;
      const dump = await getJson(`http://${pod.status.podIP}:${adminPort}/config_dump`).catch(
        () => undefined,
      );
      return {
        ...known,
        roots: activeCertificates(dump, "ROOTCA"),
        chain: activeCertificates(dump, "default"),
      };
    }),
  );
  return asked.filter((one) => one !== undefined);
}

/** Puts a CA into the Secret that istiod takes it from. */
async function writeCacerts(client: KubeClient, files: CaFiles): Promise<void> {
  const data = Object.fromEntries(
    Object.entries(files).map(([name, text]) => [name, Buffer.from(text).toString("base64")]),
  );
  const secret: Secret = {
    apiVersion: "v1",
    kind: "Secret",
    type: "Opaque",
    metadata: { name: "cacerts", namespace: systemNamespace },
    data,
  };
  try {
    await client.patch(kinds.secrets, "cacerts", { data }, { type: "merge", namespace: systemNamespace });
  } catch (reason) {
    if (!isApiError(reason, 404)) throw reason;
    await client.create(kinds.secrets, secret);
  }
}
