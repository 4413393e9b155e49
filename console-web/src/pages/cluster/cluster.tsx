import type { ReactNode } from "react";
import type { ClusterPage } from "../../../../src/console/api-fleet.ts";
import { useLive } from "../../live.ts";
import { clusterUrl, follow } from "../../location.ts";
import { ClusterMark, ClusterName } from "../../parts/cluster-mark.tsx";
import { ClusterState } from "../../parts/cluster-state.tsx";
import { ClusterSwitch } from "../../parts/cluster-switch.tsx";
import { controlPlane } from "../../parts/control-plane.ts";
import { CopyButton } from "../../parts/copyable.tsx";
import { GatewayAddress } from "../../parts/gateway-address.tsx";
import { Loaded } from "../../parts/loaded.tsx";
import { Away } from "../../parts/states.tsx";
import { PageBody, Top } from "../../shell/top.tsx";
import type { PageProps } from "../../views.ts";
import { Certificates } from "./certificates.tsx";
import { NamespaceTable } from "./namespace-table.tsx";
import { NodeTable } from "./node-table.tsx";
import { ProxyTable } from "./proxy-table.tsx";

/** What does this cluster consist of, who steers it, and what is in it? */
export function Cluster({ names }: PageProps) {
  const { cluster: name = "" } = names;
  const { body, failure } = useLive<ClusterPage>(`/api${clusterUrl(name)}`);
  return (
    <>
      <Top
        title={
          <span className="row tight">
            <a href="/clusters" onClick={follow} className="crumb">
              Clusters
            </a>
            <span className="dimmer">/</span>
            <ClusterMark name={name} />
            {name}
          </span>
        }
        summary={body === undefined ? "" : <ClusterState cluster={body.cluster} />}
      >
        {body === undefined ? null : <ClusterSwitch cluster={body.cluster} />}
      </Top>
      <PageBody>
        <Loaded {...{ body, failure }} heights={[86, 200, 200]}>
          {(body) => (
            <>
              {body.away === undefined ? null : <Away cluster={name} {...body.away} />}

              <Counts page={body} />
              <div className="two">
                <Facts page={body} />
                <Certificates page={body} />
              </div>
              <NodeTable nodes={body.nodes} />
              <NamespaceTable cluster={name} namespaces={body.namespaces} />
              <ProxyTable cluster={name} proxies={body.proxies} />
            </>
          )}
        </Loaded>
      </PageBody>
    </>
  );
}

/** How many of what there is, each with the way to it. */
function Counts({ page: { cluster, namespaces } }: { readonly page: ClusterPage }) {
  const { name, nodes, pods, proxies, workloads } = cluster;
  const services = namespaces?.reduce((sum, one) => sum + one.services, 0);
  return (
    <section className="card" aria-label="Counts">
      <div className="figures">
        <Figure
          caption="Nodes"
          value={nodes?.total}
          note={missing((nodes?.total ?? 0) - (nodes?.ready ?? 0), "ready")}
        />
        <Figure
          caption="Deployments"
          value={workloads}
          link={{ href: `/workloads?cluster=${name}`, text: "its workloads" }}
        />
        <Figure caption="Pods" value={pods.total} note={missing(pods.total - pods.ready, "ready")} />
        <Figure
          caption="Proxies"
          value={proxies.total}
          note={missing(proxies.total - proxies.synced, "in sync")}
        />
        <Figure
          caption="Services"
          value={services}
          link={{ href: `/services?cluster=${name}`, text: "its services" }}
        />
        <Figure
          caption="Namespaces"
          value={namespaces?.length}
          link={{ href: `/config?cluster=${name}`, text: "its policy & config" }}
        />
      </div>
    </section>
  );
}

function missing(number: number, wanted: string): { readonly text: string; readonly isWrong: boolean } {
  return number === 0
    ? { text: `all ${wanted}`, isWrong: false }
    : { text: `${number} not ${wanted}`, isWrong: true };
}

function Figure({
  caption,
  value,
  note,
  link,
}: {
  readonly caption: string;
  /** Absent: not known. */
  readonly value: number | undefined;
  readonly note?: { readonly text: string; readonly isWrong: boolean };
  readonly link?: { readonly href: string; readonly text: string };
}) {
  return (
    <div className="figure">
      <div className="caption">{caption}</div>
      <div className="value">{value ?? "–"}</div>
      {link === undefined ? (
        <div className={`small ${note?.isWrong === true ? "warn" : "dimmer"}`}>
          {value === undefined ? "not known" : value === 0 ? "none" : note?.text}
        </div>
      ) : (
        <div className="small">
          <a className="link" href={link.href} onClick={follow}>
            {link.text}
          </a>
        </div>
      )}
    </div>
  );
}

function Facts({ page: { cluster, serves } }: { readonly page: ClusterPage }) {
  const { name, api, network, region, role, kubernetesVersion, gateways, registry } = cluster;
  const [plane, note] = controlPlane(cluster, [cluster]);
  const others = serves.filter((one) => one !== name);
  return (
    <section className="card" aria-label="What it is">
      <header>
        <h2 className="grow">{role === "management" ? "Management cluster" : "Workload cluster"}</h2>
        <a className="button" href={`/traffic?cluster=${name}`} onClick={follow}>
          Its traffic
        </a>
      </header>
      <dl className="facts wide">
        <Fact name="API">
          <code className="clip">{api}</code>
          <CopyButton text={api} label="Copy the address" />
        </Fact>
        <Fact name="Kubernetes">{kubernetesVersion}</Fact>
        <Fact name="Network">{network ?? (role === "management" ? <None /> : "one flat network")}</Fact>
        <Fact name="Region">{region ?? <None />}</Fact>
        <Fact name="Control plane">
          {plane} <span className="dimmer">{note}</span>
        </Fact>
        {others.length === 0 ? null : (
          <Fact name="Serves too">
            {others.slice(0, 4).map((one) => (
              <ClusterName key={one} name={one} />
            ))}
            {others.length > 4 ? <span className="dimmer">and {others.length - 4} more</span> : null}
          </Fact>
        )}
        {registry === undefined ? null : <Fact name="Registry">{registry}</Fact>}
        {gateways.map((gateway, i) => (
          <Fact
            key={`${gateway.namespace}/${gateway.name}`}
            name={i === 0 ? (gateways.length === 1 ? "Gateway" : "Gateways") : ""}
          >
            <GatewayAddress {...gateway} />
            <span className="small dimmer clip">
              {gateway.namespace}/{gateway.name}
            </span>
          </Fact>
        ))}
        {gateways.length === 0 ? (
          <Fact name="Gateways">
            <None />
          </Fact>
        ) : null}
      </dl>
    </section>
  );
}

function Fact({ name, children }: { readonly name: string; readonly children: ReactNode }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd className="row tight">{children}</dd>
    </div>
  );
}

function None() {
  return <span className="dimmer">none</span>;
}
