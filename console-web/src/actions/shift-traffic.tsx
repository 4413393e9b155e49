import { useEffect, useState } from "react";
import type { ShiftPage } from "../../../src/console/api.ts";
import { percentage, rangeText } from "../format.ts";
import { useLive } from "../live.ts";
import { ClusterMark } from "../parts/cluster-mark.tsx";
import { Loaded } from "../parts/loaded.tsx";
import { Empty } from "../parts/states.tsx";
import { ActionDialog } from "./action-dialog.tsx";
import { balanceWeights } from "./balance-weights.ts";
import { usePlan } from "./use-plan.ts";

/** A slider per version: the share now beside the wanted one, the YAML that says so, and after it the share moving. */
export function ShiftTraffic({
  namespace,
  service,
  onClose,
}: {
  readonly namespace: string;
  readonly service: string;
  readonly onClose: () => void;
}) {
  const { body, failure } = useLive<ShiftPage>(`/api/shift/${namespace}/${service}?range=60`);
  const [weights, setWeights] = useState<Readonly<Record<string, number>>>();
  useEffect(() => {
    if (body !== undefined && weights === undefined)
      setWeights(Object.fromEntries(body.versions.map(({ version, weight }) => [version, weight])));
  }, [body, weights]);
  const isPossible = body !== undefined && body.versions.length > 1;
  const planned = usePlan(
    isPossible && weights !== undefined ? { kind: "shift", namespace, service, weights } : undefined,
  );
  return (
    <ActionDialog
      title={`Shift traffic of ${service} in ${namespace}`}
      width={640}
      planned={planned}
      whenDone="Written. The measured shares follow within the minute that they are averages of."
      onClose={onClose}
    >
      <Loaded {...{ body, failure }} heights={[120]}>
        {(body) =>
          !isPossible || weights === undefined ? (
            <Empty title="There is one version only">
              Workloads of this Service with different labels <code>version</code> can share its requests.
            </Empty>
          ) : (
            <table className="shift">
              <thead>
                <tr>
                  <th>Version</th>
                  <th className="right">
                    Now, {rangeText(body.rangeSeconds).replace(/(\d)([a-z])/, "$1 $2")}
                  </th>
                  <th>Wanted</th>
                  <th aria-label="Percent" />
                </tr>
              </thead>
              <tbody>
                {body.versions.map(({ version, share, workloads }) => (
                  <tr key={version}>
                    <td>
                      <span className="row tight">
                        {[...new Set(workloads.map(({ cluster }) => cluster))].map((cluster) => (
                          <ClusterMark key={cluster} name={cluster} />
                        ))}
                        <b className="bold">{version}</b>
                      </span>
                    </td>
                    <td className="right" data-share={version}>
                      {share === undefined ? <span className="dimmer">–</span> : `${percentage(share)} %`}
                    </td>
                    <td style={{ width: "60%" }}>
                      <input
                        type="range"
                        min={0}
                        max={100}
                        aria-label={`Wanted share of ${version}, percent`}
                        value={weights[version] ?? 0}
                        onChange={(event) =>
                          setWeights(balanceWeights(weights, version, Number(event.target.value)))
                        }
                        style={{ width: "100%" }}
                      />
                    </td>
                    <td className="right bold">{weights[version] ?? 0} %</td>
                  </tr>
                ))}
              </tbody>
            </table>
          )
        }
      </Loaded>
    </ActionDialog>
  );
}
