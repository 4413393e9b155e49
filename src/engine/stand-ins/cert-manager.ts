import type { Clock, Stop } from "../../base/index.ts";
import { startCaInjector, startCertificateManager } from "../../controllers/index.ts";
import {
  type ContainerContext,
  type RunningContainer,
  type StandIn,
  serveHttp,
} from "../../runtime/index.ts";

/** Ports on which cert-manager's programs say that they are well. */
const controllerHealth = 9403;
const webhookHealth = 6080;

/**
 * The images of cert-manager: its controller and its cainjector, run by our controllers with the rights of their service
 * accounts, and its webhook, which has nothing to do here but to be well.
 */
export function createCertManagerStandIns(clock: Clock): readonly StandIn[] {
  return [
    {
      name: "cert-manager controller",
      matches: (image) => image === "cert-manager-controller",
      ports: [controllerHealth],
      start: (context) =>
        withHealth(context, controllerHealth, () => {
          const { cluster, client, pod, logger: log } = context;
          const home = pod.metadata.namespace ?? "cert-manager";
          return startCertificateManager({
            cluster,
            client,
            namespace: flag(context, "cluster-resource-namespace") ?? home,
            lease: {
              namespace: flag(context, "leader-election-namespace") ?? "kube-system",
              name: "cert-manager-controller",
              identity: pod.metadata.name,
            },
            clock,
            log,
          });
        }),
    },
    {
      name: "cert-manager cainjector",
      matches: (image) => image === "cert-manager-cainjector",
      async start({ cluster, client, logger: log }) {
        const stop = startCaInjector({ cluster, client, clock, log });
        let end = (_: { readonly exitCode: number }) => {};
        const exited = new Promise<{ readonly exitCode: number }>((resolve) => {
          end = resolve;
        });
        return {
          exited,
          async stop() {
            await stop();
            end({ exitCode: 0 });
          },
        };
      },
    },
    {
      name: "cert-manager webhook",
      matches: (image) => image === "cert-manager-webhook",
      ports: [webhookHealth],
      start: (context) => withHealth(context, webhookHealth, () => async () => {}),
    },
  ];
}

/** Runs `start` beside a server that answers /livez, /readyz and /healthz. */
async function withHealth(
  context: ContainerContext,
  port: number,
  start: () => Stop,
): Promise<RunningContainer> {
  const health = await serveHttp(context, port, ({ url = "/" }) =>
    /^\/(livez|readyz|healthz)(\?|$)/.test(url)
      ? { status: 200, headers: { "content-type": "text/plain" }, body: "ok" }
      : { status: 404, body: "404 page not found\n" },
  );
  const stop = start();
  return {
    ...health,
    async stop(graceSeconds) {
      await stop();
      await health.stop(graceSeconds);
    },
  };
}

/** The value of "--name=value" among the container's arguments. */
function flag({ container }: ContainerContext, name: string): string | undefined {
  const given = (container.args ?? []).find((word) => word.startsWith(`--${name}=`));
  return given?.slice(name.length + 3);
}
