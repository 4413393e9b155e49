import {
  child,
  children,
  type Draft,
  ensure,
  fillDefaults,
  isObject,
  type JsonObject,
  text,
} from "../draft.ts";

/** Fills in the defaults of a pod's spec, as Kubernetes does for pods and for every pod template. */
export function setPodSpecDefaults(spec: JsonObject): void {
  fillDefaults(spec, {
    restartPolicy: "Always",
    dnsPolicy: "ClusterFirst",
    schedulerName: "default-scheduler",
    terminationGracePeriodSeconds: 30,
  });
  ensure(spec, "securityContext");
  const account = text(spec, "serviceAccountName") || text(spec, "serviceAccount");
  if (account !== undefined && account !== "") {
    spec["serviceAccountName"] = account;
    spec["serviceAccount"] = account;
  }
  for (const list of ["containers", "initContainers", "ephemeralContainers"])
    for (const container of children(spec, list)) setContainerDefaults(container, list);
  if (spec["hostNetwork"] === true)
    for (const list of ["containers", "initContainers"])
      for (const port of children(spec, list).flatMap((container) => children(container, "ports")))
        port["hostPort"] ??= port["containerPort"];
  for (const volume of children(spec, "volumes")) setVolumeDefaults(volume);
  for (const constraint of children(spec, "topologySpreadConstraints"))
    fillDefaults(constraint, { whenUnsatisfiable: "DoNotSchedule" });
}

/** Fills in the defaults that a pod has beyond those of a template. */
export function setPodDefaults(draft: Draft): void {
  const spec = ensure(draft, "spec");
  setPodSpecDefaults(spec);
  fillDefaults(spec, { enableServiceLinks: true, preemptionPolicy: "PreemptLowerPriority", priority: 0 });
  for (const list of ["containers", "initContainers"])
    for (const container of children(spec, list)) {
      const resources = child(container, "resources");
      const limits = child(resources, "limits");
      // A limit without a request is the request.
      if (resources !== undefined && limits !== undefined)
        fillDefaults(ensure(resources, "requests"), limits);
    }
}

/** Fills in the defaults of a pod template. */
export function setTemplateDefaults(template: JsonObject | undefined): void {
  if (template === undefined) return;
  const metadata = ensure(template, "metadata");
  metadata["creationTimestamp"] ??= null;
  setPodSpecDefaults(ensure(template, "spec"));
}

function setContainerDefaults(container: JsonObject, list: string): void {
  fillDefaults(container, {
    terminationMessagePath: "/dev/termination-log",
    terminationMessagePolicy: "File",
    imagePullPolicy: pullPolicy(text(container, "image") ?? ""),
  });
  // An ephemeral container may name no resources at all.
  if (list !== "ephemeralContainers") ensure(container, "resources");
  else container["resources"] ??= {};
  for (const port of children(container, "ports")) fillDefaults(port, { protocol: "TCP" });
  for (const name of ["livenessProbe", "readinessProbe", "startupProbe"])
    setProbeDefaults(child(container, name));
  for (const hook of ["postStart", "preStop"])
    setHttpDefaults(child(child(child(container, "lifecycle"), hook), "httpGet"));
  for (const variable of children(container, "env")) {
    const source = child(variable, "valueFrom");
    const fieldRef = child(source, "fieldRef");
    if (fieldRef !== undefined) fillDefaults(fieldRef, { apiVersion: "v1" });
    const resourceRef = child(source, "resourceFieldRef");
    if (resourceRef !== undefined) fillDefaults(resourceRef, { divisor: "0" });
  }
}

/** Images without a tag, or with "latest", are pulled anew on every start. */
function pullPolicy(image: string): string {
  if (image.includes("@")) return "IfNotPresent";
  const tag = /:([^:/]+)$/.exec(image)?.[1] ?? "latest";
  return tag === "latest" ? "Always" : "IfNotPresent";
}

function setProbeDefaults(probe: JsonObject | undefined): void {
  if (probe === undefined) return;
  // Zero means "not set" for these, in Kubernetes too.
  for (const [field, value] of Object.entries({
    timeoutSeconds: 1,
    periodSeconds: 10,
    successThreshold: 1,
    failureThreshold: 3,
  }))
    if (probe[field] === undefined || probe[field] === null || probe[field] === 0) probe[field] = value;
  setHttpDefaults(child(probe, "httpGet"));
  const grpc = child(probe, "grpc");
  if (grpc !== undefined) fillDefaults(grpc, { service: "" });
}

function setHttpDefaults(httpGet: JsonObject | undefined): void {
  if (httpGet !== undefined) fillDefaults(httpGet, { path: "/", scheme: "HTTP" });
}

function setVolumeDefaults(volume: JsonObject): void {
  if (Object.keys(volume).length === 1) volume["emptyDir"] = {};
  for (const source of ["secret", "configMap", "downwardAPI", "projected"]) {
    const found = child(volume, source);
    if (found !== undefined) fillDefaults(found, { defaultMode: 420 });
  }
  const hostPath = child(volume, "hostPath");
  if (hostPath !== undefined) fillDefaults(hostPath, { type: "" });
  const downward = [
    child(volume, "downwardAPI"),
    ...children(child(volume, "projected"), "sources").map((source) => child(source, "downwardAPI")),
  ];
  for (const item of downward.flatMap((source) => children(source, "items"))) {
    const fieldRef = child(item, "fieldRef");
    if (fieldRef !== undefined) fillDefaults(fieldRef, { apiVersion: "v1" });
    const resourceRef = child(item, "resourceFieldRef");
    if (resourceRef !== undefined) fillDefaults(resourceRef, { divisor: "0" });
  }
  for (const source of children(child(volume, "projected"), "sources")) {
    const token = source["serviceAccountToken"];
    if (isObject(token)) fillDefaults(token, { expirationSeconds: 3600 });
  }
}
