import type { Metrics } from "../../base/index.ts";
import type { ApiTransport } from "../../kube/index.ts";

/** The same transport; every request is counted by its resource and the status that was answered, 0 where none was. */
export function countRequests(api: ApiTransport, metrics: Metrics): ApiTransport {
  const requests = metrics.counter("isthmus_api_requests_total", "Requests to the Kubernetes API.", [
    "method",
    "group",
    "resource",
    "code",
  ]);
  return {
    async send(request, signal) {
      const { group, resource } = resourceOf(request.path);
      const count = (status: number) => requests.add([request.method, group, resource, String(status)]);
      try {
        const response = await api.send(request, signal);
        count(response.status);
        return response;
      } catch (reason) {
        count(0);
        throw reason;
      }
    },
  };
}

/** What a path of the Kubernetes API is about: "/apis/apps/v1/namespaces/x/deployments/y/scale" is apps, deployments/scale. */
export function resourceOf(path: string): { readonly group: string; readonly resource: string } {
  const [root, ...more] = path.split("/").slice(1);
  const [group, rest] = root === "apis" ? [more[0] ?? "", more.slice(2)] : ["", more.slice(1)];
  const isNamespaced = rest[0] === "namespaces" && rest.length > 2;
  const [resource = "", , subresource] = isNamespaced ? rest.slice(2) : rest;
  if (root !== "apis" && root !== "api") return { group: "", resource: "" };
  return { group, resource: subresource === undefined ? resource : `${resource}/${subresource}` };
}
