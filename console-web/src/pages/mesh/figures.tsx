import { type ReactNode, useState } from "react";
import type { ApiFailure, MeshPage, VerifyReport } from "../../../../src/console/api.ts";
import { count, duration, figure, percentage, rangeText } from "../../format.ts";
import { Icon } from "../../icons.tsx";
import { call, failureOf } from "../../live.ts";
import { useNow } from "../../parts/age.tsx";

/** The mesh in six numbers. */
export function Figures({ mesh }: { readonly mesh: MeshPage }) {
  const { clusters, traffic } = mesh;
  const ready = clusters.filter(({ state }) => state === "ready").length;
  const away = clusters.filter(({ state }) => state !== "ready");
  const synced = clusters.reduce((sum, { proxies }) => sum + proxies.synced, 0);
  const proxies = clusters.reduce((sum, cluster) => sum + cluster.proxies.total, 0);
  return (
    <section className="card figures" aria-label="The mesh in numbers">
      <Figure label="Clusters" value={ready} unit={`of ${clusters.length}`}>
        {away.length === 0 ? (
          mesh.isOneRoot ? (
            "all ready, one mesh"
          ) : (
            <span className="fail">different roots</span>
          )
        ) : (
          <span className="warn clip">{away.map(({ name, state }) => `${name} ${state}`).join(", ")}</span>
        )}
      </Figure>
      <Figure label="Proxies" value={synced} unit={`of ${proxies}`}>
        {synced === proxies ? (
          "configuration in sync"
        ) : (
          <span className="warn">{count(proxies - synced, "proxy", "proxies")} behind</span>
        )}
      </Figure>
      <Rates traffic={traffic} />
      <LastProof mesh={mesh} />
    </section>
  );
}

function Rates({ traffic }: { readonly traffic: MeshPage["traffic"] | undefined }) {
  if (traffic === undefined)
    return (
      <>
        <Figure label="Requests" value="–">
          not measured yet
        </Figure>
        <Figure label="Success" value="–" />
        <Figure label="mTLS" value="–" />
      </>
    );
  const { requestsPerSecond: rate, failedPerSecond: failed, rangeSeconds, crossing, mutualTls } = traffic;
  const range = rangeText(rangeSeconds).replace(/(\d)([a-z])/, "$1 $2");
  const all = Math.round(rate * rangeSeconds);
  const broken = Math.round(failed * rangeSeconds);
  return (
    <>
      <Figure label="Requests" value={figure(rate)} unit="rps">
        {rate === 0 ? `none in ${range}` : `${percentage(crossing)} % cross a network`}
      </Figure>
      <Figure
        label="Success"
        value={rate === 0 ? "–" : percentage(1 - failed / rate)}
        unit={rate === 0 ? "" : "%"}
      >
        {rate === 0 ? (
          `no request in ${range}`
        ) : (
          <span className={broken > 0 ? "fail" : undefined}>
            {broken.toLocaleString("en")} of {all.toLocaleString("en")} failed
          </span>
        )}
      </Figure>
      <Figure
        label="mTLS"
        value={mutualTls === undefined ? "–" : percentage(mutualTls)}
        unit={mutualTls === undefined ? "" : "%"}
      >
        {mutualTls === undefined ? (
          rate === 0 ? (
            "nothing to secure"
          ) : (
            "nothing arrived"
          )
        ) : mutualTls === 1 ? (
          "no plaintext"
        ) : (
          <span className="warn">{figure((1 - mutualTls) * rate)} rps in plaintext</span>
        )}
      </Figure>
    </>
  );
}

function LastProof({ mesh: { proof } }: { readonly mesh: MeshPage }) {
  const now = useNow();
  const [isRunning, setRunning] = useState(false);
  const [failure, setFailure] = useState<ApiFailure>();
  const verify = async () => {
    setRunning(true);
    setFailure(undefined);
    await call<VerifyReport>("/api/verify").catch((reason: unknown) => setFailure(failureOf(reason)));
    setRunning(false);
  };
  const [age = "", unit = ""] = proof === undefined ? [] : duration(now - proof.at).split(" ");
  const isNew = proof !== undefined && now - proof.at < 2000;
  return (
    <div className="figure row" style={{ flex: "1.5 1 0" }}>
      <div className="grow">
        <div className="caption">Last proof</div>
        <div className="value">
          {isRunning ? "…" : proof === undefined ? "–" : isNew ? "now" : age}{" "}
          <small>{isRunning || proof === undefined || isNew ? "" : `${unit} ago`}</small>
        </div>
        <div className="small dimmer clip" title={proof?.problems.join("\n")}>
          {isRunning ? (
            "sending requests both ways"
          ) : failure !== undefined ? (
            <span className="fail">{failure.message}</span>
          ) : proof === undefined ? (
            "not verified yet"
          ) : proof.ok ? (
            <span>
              <span className="ok">passed</span>, {count(proof.requests, "request")}
            </span>
          ) : (
            <span className="fail">{count(proof.problems.length, "problem")}</span>
          )}
        </div>
      </div>
      <button type="button" className="button" onClick={() => void verify()} disabled={isRunning}>
        <Icon name="play" size={12} />
        Verify
      </button>
    </div>
  );
}

function Figure({
  label,
  value,
  unit = "",
  children,
}: {
  readonly label: string;
  readonly value: ReactNode;
  readonly unit?: string;
  readonly children?: ReactNode;
}) {
  return (
    <div className="figure">
      <div className="caption">{label}</div>
      <div className="value">
        {value} <small>{unit}</small>
      </div>
      <div className="small dimmer clip">{children}</div>
    </div>
  );
}
