import { type MouseEvent, useCallback, useMemo, useSyncExternalStore } from "react";

const listeners = new Set<() => void>();

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  window.addEventListener("popstate", listener);
  return () => {
    listeners.delete(listener);
    window.removeEventListener("popstate", listener);
  };
}

/** Goes to another view. `replace`: the one before is not worth going back to. */
export function navigate(url: string, options: { readonly replace?: boolean } = {}): void {
  if (options.replace === true) history.replaceState(null, "", url);
  else history.pushState(null, "", url);
  for (const listener of listeners) listener();
}

/** The address of the view: everything that is shown follows from it. */
export function useLocation(): { readonly path: string; readonly query: URLSearchParams } {
  const href = useSyncExternalStore(subscribe, () => `${location.pathname}${location.search}`);
  return useMemo(() => {
    const { pathname, searchParams } = new URL(href, "http://console");
    return { path: pathname, query: searchParams };
  }, [href]);
}

/** One field of the view's query, and how to change it. An empty text takes it out. */
export function useQuery(name: string): readonly [string | undefined, (value: string | undefined) => void] {
  const { query } = useLocation();
  const change = useCallback(
    (value: string | undefined) => {
      const url = new URL(location.href);
      if (value === undefined || value === "") url.searchParams.delete(name);
      else url.searchParams.set(name, value);
      navigate(`${url.pathname}${url.search}`, { replace: true });
    },
    [name],
  );
  return [query.get(name) ?? undefined, change];
}

/** What a link does when it leads to another view: it stays on this page, unless the user wants a new tab. */
export function follow(event: MouseEvent<HTMLAnchorElement>): void {
  if (event.metaKey || event.ctrlKey || event.shiftKey || event.button !== 0) return;
  event.preventDefault();
  navigate(event.currentTarget.getAttribute("href") ?? "/");
}

/** The page of a cluster. */
export function clusterUrl(name: string): string {
  return `/clusters/${name}`;
}

/** The page of a workload. Cluster and namespace are part of its address. */
export function workloadUrl(id: {
  readonly cluster: string;
  readonly namespace: string;
  readonly kind: string;
  readonly name: string;
}): string {
  const kind = id.kind === "Deployment" ? "" : `?kind=${id.kind}`;
  return `/clusters/${id.cluster}/namespaces/${id.namespace}/workloads/${id.name}${kind}`;
}
