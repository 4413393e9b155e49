import type { StandIn } from "../contracts.ts";

/**
 * The init container of injected pods that sets up redirection (`istio-iptables`). Interception is the pod
 * network's, so there is nothing to do: it ends at once, well.
 */
export const interceptionSetUp: StandIn = {
  name: "interception set-up",
  matches: (imageName, { command = [], args = [] }) =>
    imageName === "proxyv2" && [...command, ...args].includes("istio-iptables"),
  onPodAddress: true,
  async start() {
    return { exited: Promise.resolve({ exitCode: 0 }), stop: () => Promise.resolve() };
  },
};
