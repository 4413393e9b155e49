import type { WorkloadPod } from "../../../../src/console/api.ts";
import { Ago } from "../../parts/age.tsx";
import { CopyButton } from "../../parts/copyable.tsx";
import { proxyWord } from "../../parts/proxy-status.tsx";
import { Status } from "../../parts/states.tsx";

/** The pods of a workload, with what their proxies say. */
export function PodTable({
  pods,
  cluster,
  namespace,
}: {
  readonly pods: readonly WorkloadPod[];
  readonly cluster: string;
  readonly namespace: string;
}) {
  return (
    <table>
      <thead>
        <tr>
          <th>Pod</th>
          <th>State</th>
          <th>Address</th>
          <th>Node</th>
          <th className="right">Restarts</th>
          <th>Started</th>
          <th>Proxy</th>
          <th aria-label="Copy" />
        </tr>
      </thead>
      <tbody>
        {pods.map((pod) => {
          const [tone, word] = proxyWord(pod.proxy?.state, (pod.proxy?.rejections.length ?? 0) > 0);
          return (
            <tr key={pod.name}>
              <td className="mono">{pod.name}</td>
              <td title={pod.trouble}>
                <Status tone={pod.isReady ? "ok" : "warn"}>
                  {pod.isReady ? "ready" : (pod.trouble ?? "not ready")}
                </Status>
              </td>
              <td className="mono">{pod.address ?? "–"}</td>
              <td className="dim">{pod.node ?? "–"}</td>
              <td className={`right ${pod.restarts > 0 ? "warn" : "dim"}`}>{pod.restarts}</td>
              <td className="dim">{pod.startedAt === undefined ? "–" : <Ago at={pod.startedAt} />}</td>
              <td title={pod.proxy?.rejections.join("\n")}>
                {pod.proxy === undefined ? (
                  <span className="dimmer">none</span>
                ) : (
                  <Status tone={tone}>{word}</Status>
                )}
              </td>
              <td className="right">
                <CopyButton
                  text={`kubectl --context ${cluster} -n ${namespace} logs ${pod.name} --all-containers`}
                  label="Copy the command that shows its log"
                />
              </td>
            </tr>
          );
        })}
      </tbody>
    </table>
  );
}
