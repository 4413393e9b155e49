/*
 * How a manager reaches the API of a cluster to which no connection can be opened: the cluster's agent dials the
 * manager over TLS and asks for an upgrade (HTTP/1.1), with its token; then both change places and speak HTTP/2 on that
 * connection, the manager as the client. Each stream is one request to the Kubernetes API of the agent's cluster.
 */

/** Name of the manager's Service, as the guides look it up. */
export const relayService = "gloo-mesh-mgmt-server";
export const relayPath = "/relay";
export const relayUpgrade = "isthmus-relay";
/** The name in the manager's certificate. */
export const relayName = `${relayService}.gloo-mesh.svc`;
export const versionHeader = "isthmus-agent-version";
export const kubernetesHeader = "isthmus-kubernetes-version";
/** How often either side asks whether the other is there, and after how long without an answer it hangs up, in milliseconds. */
export const pingEvery = 5_000;
export const pingTimeout = 10_000;
