import { type ComponentType, lazy } from "react";
import type { MeshPage } from "../../src/console/api.ts";
import type { IconName } from "./icons.tsx";

/** What a page is given. */
export interface PageProps {
  /** The parts of the address that stand for names. */
  readonly names: Readonly<Record<string, string>>;
  /** Seconds over which rates are averages. */
  readonly range: number;
}

export interface View {
  readonly title: string;
  /** Address, with parts in braces for names. */
  readonly path: string;
  readonly page: ComponentType<PageProps>;
  /** Of those in the sidebar. */
  readonly icon?: IconName;
  /** The second key after `g`. */
  readonly key?: string;
  readonly isApart?: boolean;
  /** Absent: in the lists of pages for every mesh. */
  isListed?(mesh: MeshPage): boolean;
}

/** All pages. Those with an icon are in the sidebar, in this order. Each is loaded when it is first opened. */
export const views: readonly View[] = [
  {
    title: "Mesh",
    path: "/mesh",
    icon: "mesh",
    key: "m",
    page: lazy(async () => ({ default: (await import("./pages/mesh/mesh.tsx")).Mesh })),
  },
  {
    title: "Traffic",
    path: "/traffic",
    icon: "traffic",
    key: "t",
    page: lazy(async () => ({ default: (await import("./pages/traffic/traffic.tsx")).Traffic })),
  },
  {
    title: "Checks",
    path: "/checks",
    icon: "check",
    key: "c",
    page: lazy(async () => ({ default: (await import("./pages/checks/checks.tsx")).Checks })),
  },
  {
    title: "Services",
    path: "/services",
    icon: "service",
    key: "s",
    page: lazy(async () => ({ default: (await import("./pages/services/services.tsx")).Services })),
  },
  {
    title: "Workloads",
    path: "/workloads",
    icon: "workload",
    key: "w",
    page: lazy(async () => ({ default: (await import("./pages/workloads/workloads.tsx")).Workloads })),
  },
  {
    title: "Clusters",
    path: "/clusters",
    icon: "cluster",
    key: "u",
    page: lazy(async () => ({ default: (await import("./pages/clusters/clusters.tsx")).Clusters })),
  },
  {
    title: "Workspaces",
    path: "/workspaces",
    icon: "workspace",
    key: "o",
    isListed: ({ clusters }) => clusters.some(({ role }) => role === "management"),
    page: lazy(async () => ({ default: (await import("./pages/workspaces/workspaces.tsx")).Workspaces })),
  },
  {
    title: "Policy & config",
    path: "/config",
    icon: "policy",
    key: "p",
    isApart: true,
    page: lazy(async () => ({ default: (await import("./pages/config/config.tsx")).Config })),
  },
  {
    title: "Trust",
    path: "/trust",
    icon: "trust",
    key: "r",
    page: lazy(async () => ({ default: (await import("./pages/trust/trust.tsx")).Trust })),
  },
  {
    title: "Live",
    path: "/live",
    icon: "live",
    key: "l",
    page: lazy(async () => ({ default: (await import("./pages/live/live.tsx")).Live })),
  },
  {
    title: "Traces",
    path: "/traces",
    icon: "trace",
    key: "e",
    page: lazy(async () => ({ default: (await import("./pages/traces/traces.tsx")).Traces })),
  },
  {
    title: "Trace",
    path: "/traces/{id}",
    page: lazy(async () => ({ default: (await import("./pages/trace/trace.tsx")).Trace })),
  },
  {
    title: "Cluster",
    path: "/clusters/{cluster}",
    page: lazy(async () => ({ default: (await import("./pages/cluster/cluster.tsx")).Cluster })),
  },
  {
    title: "Workload",
    path: "/clusters/{cluster}/namespaces/{namespace}/workloads/{name}",
    page: lazy(async () => ({ default: (await import("./pages/workload/workload.tsx")).Workload })),
  },
];

/** Those of the lists of pages: sidebar, search, help. What only some meshes have is left out until one is known. */
export function listedViews(mesh: MeshPage | undefined): readonly (View & Required<Pick<View, "icon">>)[] {
  return views.flatMap((view) => {
    const { icon, isListed } = view;
    const isHere = isListed === undefined || (mesh !== undefined && isListed(mesh));
    return icon === undefined || !isHere ? [] : [{ ...view, icon }];
  });
}

export interface FoundView {
  readonly view: View;
  readonly names: Readonly<Record<string, string>>;
}

/** The page at an address; undefined when there is none. */
export function findView(path: string): FoundView | undefined {
  const given = path.split("/");
  for (const view of views) {
    const wanted = view.path.split("/");
    if (wanted.length !== given.length) continue;
    const isSame = wanted.every((part, i) => part.startsWith("{") || part === given[i]);
    if (!isSame) continue;
    const named = wanted.flatMap((part, i) =>
      part.startsWith("{") ? [[part.slice(1, -1), decodeURIComponent(given[i] ?? "")] as const] : [],
    );
    return { view, names: Object.fromEntries(named) };
  }
  return undefined;
}
