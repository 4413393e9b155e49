import type { KubeObject } from "../../kube/index.ts";
import { children, type Draft, ensure, type JsonObject, number, text } from "../draft.ts";
import { forbidden } from "../status.ts";
import type { Store } from "../storage/store.ts";
import { nameSuffix } from "../verbs/metadata.ts";
import type { AdmissionRequest } from "./admission.ts";

const pods = { group: "", plural: "pods" };
const mountPath = "/var/run/secrets/kubernetes.io/serviceaccount";
/** A pod's token is good for an hour; kubelets renew it long before. The seven seconds are Kubernetes' own mark. */
const tokenSeconds = 3607;
/** Pods are evicted from a node five minutes after it went away. */
const evictionSeconds = 300;
/** How long a pod waits for the default account of a namespace that was just made, in milliseconds. */
const accountPatience = 3000;

/**
 * Completes a new pod as Kubernetes' admission plugins do: the account and its token volume, the priority of its
 * class, and tolerations for nodes that fail. Throws a 403 when account or class are missing. Waiting for an account
 * ends with the request.
 */
export async function completePod(
  store: Store,
  draft: Draft,
  request: Pick<AdmissionRequest, "signal">,
): Promise<void> {
  const spec = ensure(draft, "spec");
  setPriority(store, draft, spec);
  setTolerations(spec);
  if (draft.metadata.annotations?.["kubernetes.io/config.mirror"] !== undefined) return;
  const name = text(spec, "serviceAccountName") || "default";
  spec["serviceAccountName"] = name;
  spec["serviceAccount"] = name;
  const namespace = draft.metadata.namespace ?? "";
  const account = await findAccount(store, `${namespace}/${name}`, name === "default", request);
  if (account === undefined)
    throw forbidden(
      pods,
      draft.metadata.name || draft.metadata.generateName || "",
      `error looking up service account ${namespace}/${name}: serviceaccount ${JSON.stringify(name)} not found`,
    );
  if (children(spec, "imagePullSecrets").length === 0 && Array.isArray(account["imagePullSecrets"]))
    spec["imagePullSecrets"] = account["imagePullSecrets"].map((one: object) => ({ ...one }));
  const mounts = spec["automountServiceAccountToken"] ?? account["automountServiceAccountToken"] ?? true;
  if (mounts === true) mountToken(spec);
}

/** The account; a default account that is still being made is waited for. */
async function findAccount(
  store: Store,
  key: string,
  waits: boolean,
  request: Pick<AdmissionRequest, "signal">,
): Promise<KubeObject | undefined> {
  const accounts = store.resource("serviceaccounts");
  const present = accounts.get(key);
  if (present !== undefined || !waits) return present;
  const { signal } = request;
  return new Promise((resolve) => {
    const done = () => {
      unsubscribe();
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve(accounts.get(key));
    };
    const unsubscribe = accounts.subscribe((change) => {
      if (change.key === key && change.type !== "DELETED") done();
    });
    const timer = setTimeout(done, accountPatience);
    signal.addEventListener("abort", done, { once: true });
  });
}

function mountToken(spec: JsonObject): void {
  const all = [...children(spec, "initContainers"), ...children(spec, "containers")];
  const without = all.filter(
    (container) => !children(container, "volumeMounts").some((mount) => mount["mountPath"] === mountPath),
  );
  if (without.length === 0) return;
  const volumes = Array.isArray(spec["volumes"]) ? spec["volumes"] : [];
  const known = children(spec, "volumes").find((volume) =>
    (text(volume, "name") ?? "").startsWith("kube-api-access-"),
  );
  const name = text(known, "name") ?? `kube-api-access-${nameSuffix()}`;
  if (known === undefined) spec["volumes"] = [...volumes, tokenVolume(name)];
  for (const container of without) {
    const mounts = Array.isArray(container["volumeMounts"]) ? container["volumeMounts"] : [];
    container["volumeMounts"] = [...mounts, { name, readOnly: true, mountPath }];
  }
}

function tokenVolume(name: string): JsonObject {
  return {
    name,
    projected: {
      sources: [
        { serviceAccountToken: { expirationSeconds: tokenSeconds, path: "token" } },
        { configMap: { name: "kube-root-ca.crt", items: [{ key: "ca.crt", path: "ca.crt" }] } },
        {
          downwardAPI: {
            items: [{ path: "namespace", fieldRef: { apiVersion: "v1", fieldPath: "metadata.namespace" } }],
          },
        },
      ],
      defaultMode: 420,
    },
  };
}

/** The classes that are there without an object of their own. */
const systemPriorities: ReadonlyMap<string, number> = new Map([
  ["system-cluster-critical", 2_000_000_000],
  ["system-node-critical", 2_000_001_000],
]);

function setPriority(store: Store, draft: Draft, spec: JsonObject): void {
  const classes = store.resource("priorityclasses.scheduling.k8s.io");
  let name = text(spec, "priorityClassName") ?? "";
  if (name === "") {
    const fallback = classes.list().find((one) => one["globalDefault"] === true);
    if (fallback === undefined) return;
    name = fallback.metadata.name;
    spec["priorityClassName"] = name;
  }
  const found = classes.get(name);
  const value = found === undefined ? systemPriorities.get(name) : number(found as JsonObject, "value");
  if (value === undefined)
    throw forbidden(pods, draft.metadata.name, `no PriorityClass with name ${name} was found`);
  spec["priority"] = value;
  const policy = found?.["preemptionPolicy"];
  if (typeof policy === "string") spec["preemptionPolicy"] = policy;
}

function setTolerations(spec: JsonObject): void {
  const tolerations = children(spec, "tolerations");
  const missing = ["node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"].filter(
    (wanted) =>
      !tolerations.some(
        ({ key, effect }) =>
          (key === wanted || key === undefined || key === "") &&
          (effect === "NoExecute" || effect === undefined || effect === ""),
      ),
  );
  if (missing.length === 0) return;
  spec["tolerations"] = [
    ...tolerations,
    ...missing.map((key) => ({
      key,
      operator: "Exists",
      effect: "NoExecute",
      tolerationSeconds: evictionSeconds,
    })),
  ];
}
