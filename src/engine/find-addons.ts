import { isReflected, type Service } from "../kube/index.ts";
import { addressesOf } from "./address-blocks.ts";
import type { RunningMesh } from "./start-mesh.ts";
import type { AddonStatus } from "./status.ts";

/** The Service of each add-on's page and where in it the page is, as Istio's samples have them. */
const pages: Readonly<
  Record<string, { readonly service: string; readonly port: string; readonly path: string }>
> = {
  grafana: { service: "grafana", port: "service", path: "/" },
  jaeger: { service: "tracing", port: "http-query", path: "/" },
  kiali: { service: "kiali", port: "http", path: "/kiali" },
  prometheus: { service: "prometheus", port: "http", path: "/" },
};

/** The add-ons that run, whether the mesh file or a user's manifest installed them, with the addresses of their pages. */
export function findAddons(mesh: RunningMesh): AddonStatus[] {
  return [...mesh.watches].flatMap(([cluster, watch]) =>
    Object.entries(pages).flatMap(([name, { service: wanted, port, path }]) =>
      watch.services
        .list()
        .filter(
          ({ metadata, spec }) =>
            metadata.name === wanted && Object.values(spec.selector ?? {}).includes(name),
        )
        // An add-on of a consumer is reached from its providers too, and runs at home.
        .filter((service) => !isReflected(service))
        .flatMap((service) => {
          const place = placeOf(mesh, cluster, service, port);
          if (place === undefined) return [];
          const { namespace = "default" } = service.metadata;
          return [{ cluster, name, namespace, url: `http://${place}${path}` }];
        }),
    ),
  );
}

/** Where programs of this machine reach a Service's port: at a node, else at the Service's own address. */
function placeOf(mesh: RunningMesh, cluster: string, { spec }: Service, name: string): string | undefined {
  const port = spec.ports?.find((one) => one.name === name) ?? spec.ports?.[0];
  const block = mesh.clusterSet.blocks.get(cluster);
  if (port === undefined || block === undefined) return undefined;
  if (port.nodePort !== undefined) return `${addressesOf(block).node(0)}:${port.nodePort}`;
  if (spec.clusterIP === undefined || spec.clusterIP === "None") return undefined;
  const real = mesh.realPort(spec.clusterIP, port.port);
  return real === 80 ? spec.clusterIP : `${spec.clusterIP}:${real}`;
}
