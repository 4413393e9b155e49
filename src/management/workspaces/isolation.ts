import { generated, type KubeObject, systemNamespace } from "../../kube/index.ts";

/** Label by which the objects of workspaces are known again. */
export const workspaceLabels = { "app.kubernetes.io/component": "workspaces" } as const;
/** On an object: the workspace that it is due to. */
const workspaceLabel = "isthmus.dev/workspace";

/** A namespace of an isolated workspace, at the control plane that it belongs to. */
export interface IsolatedNamespace {
  readonly namespace: string;
  readonly workspace: string;
  /** What asked for the isolation. */
  readonly from: string;
  /** SPIFFE prefixes without scheme ("cluster-1/ns/bookinfo/*") of who may call everything here. */
  readonly callers: readonly string[];
  /** Services that more callers may use: by the pods that they select. */
  readonly offered: readonly {
    readonly service: string;
    readonly selector: Readonly<Record<string, string>>;
    readonly callers: readonly string[];
  }[];
  /** Hosts ("namespace/host") of others that its proxies know. */
  readonly egress: readonly string[];
  /** Kinds that the user has an object of for the whole namespace, which then counts. */
  readonly leaveOut: ReadonlySet<string>;
}

/**
 * Isolation as Istio's objects: mTLS only, callers by identity, and proxies that know nobody who is closed to them.
 * Selectors can't leave gateways out, so those in the namespace are closed to callers without an identity too.
 */
export function isolationObjects(one: IsolatedNamespace): readonly KubeObject[] {
  const name = `workspace-${one.workspace}`;
  const objects = [
    object(one, "security.istio.io/v1", "PeerAuthentication", name, { mtls: { mode: "STRICT" } }),
    object(one, "security.istio.io/v1", "AuthorizationPolicy", name, allow(one.callers)),
    ...one.offered.map(({ service, selector, callers }) =>
      object(one, "security.istio.io/v1", "AuthorizationPolicy", `${name}-${service}`, {
        selector: { matchLabels: selector },
        ...allow(callers),
      }),
    ),
    object(one, "networking.istio.io/v1", "Sidecar", name, {
      egress: [{ hosts: ["./*", `${systemNamespace}/*`, ...one.egress] }],
    }),
  ];
  return objects.filter(({ kind }) => !one.leaveOut.has(kind));
}

function allow(callers: readonly string[]) {
  // Without a rule nobody is allowed; a rule without principals would allow all.
  return {
    action: "ALLOW",
    ...(callers.length === 0 ? {} : { rules: [{ from: [{ source: { principals: callers } }] }] }),
  };
}

function object(
  { namespace, workspace, from }: IsolatedNamespace,
  apiVersion: string,
  kind: string,
  name: string,
  spec: object,
): KubeObject {
  const labels = { ...workspaceLabels, [workspaceLabel]: workspace };
  return generated({ apiVersion, kind, metadata: { name, namespace, labels }, spec }, from);
}
