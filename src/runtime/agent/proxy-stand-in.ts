import type { Clock } from "../../base/index.ts";
import type { ContainerContext, RunningContainer, StandIn } from "../contracts.ts";
import type { StartProxy } from "./contracts.ts";
import type { Locality } from "./xds-node.ts";

export interface ProxyStandInOptions {
  readonly startProxy: StartProxy;
  /** What proxies say that they are when their image's tag is no version; default "1.32.0". */
  readonly istioVersion?: string;
  readonly clock?: Clock;
  /** Where the node `nodeName` of the pod's cluster is. */
  locality?(cluster: string, nodeName: string): Locality | undefined;
}

/** The stand-in for Istio's proxy image: sidecars, gateways, and the init container that would write iptables rules. */
export function createProxyStandIn(options: ProxyStandInOptions): StandIn {
  return {
    name: "istio-proxy",
    matches: (imageName) => imageName === "proxyv2" || imageName === "proxyv2-distroless",
    onPodAddress: true,
    async start(context) {
      if (isInit(context)) return finished();
      const { startAgent } = await import("./start-agent.ts");
      const { nodeName } = context.pod.spec;
      const locality = nodeName === undefined ? undefined : options.locality?.(context.cluster, nodeName);
      return startAgent({
        context,
        startProxy: options.startProxy,
        istioVersion: options.istioVersion ?? "1.32.0",
        locality,
        ...(options.clock === undefined ? {} : { clock: options.clock }),
      });
    },
  };
}

/** istio-init and istio-validation: the dispatcher is already there, nothing is left to do. */
function isInit({ container }: ContainerContext): boolean {
  return (
    container.args?.[0] === "istio-iptables" ||
    container.name === "istio-init" ||
    container.name === "istio-validation"
  );
}

function finished(): RunningContainer {
  return { exited: Promise.resolve({ exitCode: 0 }), stop: async () => {} };
}
