import { useEffect, useRef, useState } from "react";
import type { MeshLink, MeshPage } from "../../../../src/console/api.ts";
import { figure, milliseconds, percentage } from "../../format.ts";
import { Icon } from "../../icons.tsx";
import { useClusterLooks } from "../../parts/cluster-mark.tsx";
import { ClusterCard } from "./cluster-card.tsx";
import { type Lane, labelSize, layoutMap } from "./map-layout.ts";

/** Clusters as cards on their networks, and what flows between them through their gateways. */
export function MeshMap({ mesh }: { readonly mesh: MeshPage }) {
  const place = useRef<HTMLElement>(null);
  const width = useWidth(place);
  const looks = useClusterLooks();
  const [chosen, setChosen] = useState<string>();
  const { height, bands, cards, ports, lanes, follows } = layoutMap(width, mesh.clusters, mesh.links);
  const id = ({ from, to }: MeshLink) => `${from} ${to}`;
  const hueOf = (name: string) => `hue-${looks.get(name)?.hue ?? 1}`;
  return (
    <section className="map" ref={place} style={{ height }} aria-label="Clusters, networks and links">
      {bands.map(({ title, note, ...box }) => (
        <div key={title} className="band" style={boxStyle(box)}>
          <b className="bold">{title}</b>
          {note === undefined ? null : <span className="dimmer"> {note}</span>}
        </div>
      ))}
      <svg width={width} height={height} aria-hidden="true">
        {follows.map(({ from, to, path }) => (
          <g key={`${from} ${to}`} className="follow-line">
            <path d={path} />
            <Arrow path={path} />
          </g>
        ))}
        {lanes.map(({ link, path }) => (
          <g key={id(link)} className={`lane ${hueOf(link.from)} ${laneClass(link)}`}>
            <path d={path} className="casing" strokeWidth={laneWidth(link, lanes) + 5} />
            <path d={path} strokeWidth={laneWidth(link, lanes)} />
            <Arrow path={path} />
            {chosen === id(link) && link.requestsPerSecond > 0 ? (
              <circle className="flowing" r="3" style={{ offsetPath: `path("${path}")` }} />
            ) : null}
          </g>
        ))}
      </svg>
      {cards.map(({ cluster: name, side, ...box }) => {
        const cluster = mesh.clusters.find((one) => one.name === name);
        if (cluster === undefined) return null;
        return (
          <article
            key={name}
            className={`card cluster-card ${cluster.lastSeen === undefined ? "" : "is-stale"}`}
            style={boxStyle(box)}
            aria-label={`cluster ${name}, ${cluster.state}`}
            data-side={side}
          >
            <ClusterCard cluster={cluster} mesh={mesh} width={box.width} />
          </article>
        );
      })}
      {ports.map(({ cluster, side, x, y }) => {
        const gateway = mesh.clusters
          .find(({ name }) => name === cluster)
          ?.gateways.find(({ kind }) => kind === "eastwest");
        return (
          <div key={cluster} className={`port ${side} ${hueOf(cluster)}`} style={{ left: x, top: y }}>
            <span className="port-box" title={`${gateway?.namespace}/${gateway?.name}`}>
              <Icon name="gateway" size={12} />
            </span>
            <span className="port-address mono">
              {gateway?.address}:{gateway?.port}
            </span>
          </div>
        );
      })}
      {follows.map(({ from, to, x, y }) => (
        <span key={`${from} ${to}`} className="follow-label" style={{ left: x, top: y }}>
          {from} follows istiod in {to}
        </span>
      ))}
      {lanes.map((lane) =>
        lane.label === undefined ? null : (
          <LinkLabel
            key={id(lane.link)}
            lane={lane}
            onChoose={(isChosen) => setChosen(isChosen ? id(lane.link) : undefined)}
          />
        ),
      )}
      {mesh.traffic === undefined || lanes.length > 0 ? null : (
        <p className="map-hint small dim">
          No request went from one cluster to another in this range.
          <br />
          <code>isthmus load</code> sends some.
        </p>
      )}
    </section>
  );
}

function LinkLabel({
  lane: { link, label },
  onChoose,
}: {
  readonly lane: Lane;
  readonly onChoose: (is: boolean) => void;
}) {
  if (label === undefined) return null;
  const { from, to, requestsPerSecond: rate, failedPerSecond: failed, latencyMs, mutualTls, isCut } = link;
  return (
    <button
      type="button"
      className={`lane-label ${failed > 0 || isCut ? "is-failing" : ""}`}
      style={{ left: label.x, top: label.y, ...labelSize }}
      onMouseEnter={() => onChoose(true)}
      onMouseLeave={() => onChoose(false)}
      onFocus={() => onChoose(true)}
      onBlur={() => onChoose(false)}
      aria-label={`${from} to ${to}: ${figure(rate)} requests per second`}
    >
      {isCut ? <Icon name="cut" size={14} /> : null}
      {isCut || mutualTls === undefined ? null : (
        <Icon name={mutualTls === 1 ? "lock" : "unlock"} size={14} />
      )}
      <span>
        <b className="bold">{isCut ? "cut" : rate === 0 ? "idle" : `${figure(rate)} rps`}</b>
        <span className="tiny dimmer">
          {latencyMs === undefined ? "" : `p95 ${milliseconds(latencyMs.p95)} ms · `}
          {mutualTls === undefined ? "" : mutualTls === 1 ? "mTLS · " : `${percentage(mutualTls)} % mTLS · `}
          <span className={failed > 0 ? "fail" : undefined}>
            {rate === 0 ? "no requests" : failed === 0 ? "0 failed" : `${percentage(failed / rate)} % failed`}
          </span>
        </span>
      </span>
    </button>
  );
}

/** The tip of a lane: a small angle in its last direction, which is level. */
function Arrow({ path }: { readonly path: string }) {
  const numbers = path.match(/-?\d+(\.\d+)?/g)?.map(Number) ?? [];
  const [x = 0, y = 0] = numbers.slice(-2);
  const before = numbers.at(-4) ?? x;
  const by = x > before ? -5 : 5;
  return <path className="tip" d={`M${x + by} ${y - 4.5}L${x} ${y}L${x + by} ${y + 4.5}`} />;
}

/** By rate, from thin to thick, against the busiest. */
function laneWidth({ requestsPerSecond: rate }: MeshLink, lanes: readonly Lane[]): number {
  const most = Math.max(...lanes.map(({ link }) => link.requestsPerSecond), 1e-9);
  return 1.25 + 2.25 * Math.sqrt(rate / most);
}

function laneClass({ isCut, failedPerSecond, requestsPerSecond, mutualTls }: MeshLink): string {
  if (isCut || failedPerSecond > 0.01 * requestsPerSecond) return "is-failing";
  if (requestsPerSecond === 0) return "is-idle";
  return (mutualTls ?? 1) < 1 ? "is-plain" : "";
}

function boxStyle({ x, y, width, height }: { x: number; y: number; width: number; height: number }) {
  return { left: x, top: y, width, height };
}

/** The width that the element has, as it changes. */
function useWidth(place: React.RefObject<HTMLElement | null>): number {
  const [width, setWidth] = useState(1016);
  useEffect(() => {
    const element = place.current;
    if (element === null) return;
    const observer = new ResizeObserver(() => setWidth(element.clientWidth));
    observer.observe(element);
    return () => observer.disconnect();
  }, [place]);
  return width;
}
