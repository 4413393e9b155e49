import { type KeyboardEvent, useMemo, useState } from "react";
import type { MeshPage, SearchEntry, SearchIndex } from "../../../src/console/api.ts";
import { Icon, type IconName } from "../icons.tsx";
import { useLive } from "../live.ts";
import { clusterUrl, navigate, workloadUrl } from "../location.ts";
import { ClusterMark } from "../parts/cluster-mark.tsx";
import { Dialog } from "../parts/dialog.tsx";
import { workloadKinds } from "../parts/object-tag.tsx";
import { listedViews } from "../views.ts";

interface Goal {
  readonly id: string;
  readonly url: string;
  readonly title: string;
  readonly place: string;
  readonly icon: IconName;
  readonly cluster?: string;
}

const most = 12;

/** Everything by its name: pages, clusters, workloads and what else has a page. */
export function Search({
  mesh,
  onClose,
}: {
  readonly mesh: MeshPage | undefined;
  readonly onClose: () => void;
}) {
  const { body } = useLive<SearchIndex>("/api/index");
  const [text, setText] = useState("");
  const [chosen, setChosen] = useState(0);
  const goals = useMemo(() => allGoals(body?.entries ?? [], mesh), [body, mesh]);
  const found = useMemo(() => findGoals(goals, text), [goals, text]);
  const open = (goal: Goal | undefined) => {
    if (goal === undefined) return;
    onClose();
    navigate(goal.url);
  };
  const press = (event: KeyboardEvent) => {
    if (event.key === "ArrowDown") setChosen((at) => Math.min(found.length - 1, at + 1));
    else if (event.key === "ArrowUp") setChosen((at) => Math.max(0, at - 1));
    else if (event.key === "Enter") open(found[chosen]);
    else return;
    event.preventDefault();
  };
  return (
    <Dialog width={560} onClose={onClose}>
      <div className="palette">
        <input
          autoFocus
          role="combobox"
          aria-expanded="true"
          aria-controls="search-results"
          aria-activedescendant={found[chosen] === undefined ? undefined : `goal-${chosen}`}
          aria-label="Go to anything"
          placeholder="A page, a cluster, a workload, a service …"
          value={text}
          onChange={(event) => {
            setText(event.target.value);
            setChosen(0);
          }}
          onKeyDown={press}
        />
        <div id="search-results" role="listbox" aria-label="Found">
          {found.map((goal, i) => (
            // biome-ignore lint/a11y/useKeyWithClickEvents: keys go to the field.
            // biome-ignore lint/a11y/useFocusableInteractive: as above.
            <div
              key={goal.id}
              id={`goal-${i}`}
              role="option"
              aria-selected={i === chosen}
              onClick={() => open(goal)}
              onMouseMove={() => setChosen(i)}
            >
              <Icon name={goal.icon} />
              <span className="clip">{goal.title}</span>
              <span className="grow" />
              <span className="small dimmer nowrap">{goal.place}</span>
              {goal.cluster === undefined ? null : <ClusterMark name={goal.cluster} />}
            </div>
          ))}
        </div>
        {found.length === 0 ? <p className="empty">Nothing is called so.</p> : null}
      </div>
    </Dialog>
  );
}

function allGoals(entries: readonly SearchEntry[], mesh: MeshPage | undefined): readonly Goal[] {
  const pages = listedViews(mesh).map(
    ({ title, path, icon }): Goal => ({ id: path, url: path, title, place: "page", icon }),
  );
  return [...pages, ...entries.map(goalOf)];
}

function goalOf({ kind, cluster, namespace = "", name }: SearchEntry): Goal {
  const id = `${cluster}/${namespace}/${kind}/${name}`;
  const place = namespace === "" ? kind.toLowerCase() : `${namespace} · ${kind}`;
  if (kind === "Cluster")
    return { id, url: clusterUrl(cluster), title: name, place, icon: "cluster", cluster };
  if (kind === "Service")
    return { id, url: `/services?ns=${namespace}&q=${name}`, title: name, place, icon: "service", cluster };
  if (!workloadKinds.has(kind)) {
    const url = `/config?object=${encodeURIComponent(`${cluster}/${kind}/${namespace}/${name}`)}`;
    return { id, url, title: name, place, icon: "policy", cluster };
  }
  return {
    id,
    url: workloadUrl({ cluster, namespace, kind, name }),
    title: name,
    place,
    icon: "workload",
    cluster,
  };
}

/** Those that hold every word, the ones that begin with the text first. */
function findGoals(goals: readonly Goal[], text: string): readonly Goal[] {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  const rank = ({ title }: Goal) => (title.toLowerCase().startsWith(words[0] ?? "") ? 0 : 1);
  return goals
    .filter(({ title, place, cluster = "" }) => {
      const all = `${title} ${place} ${cluster}`.toLowerCase();
      return words.every((word) => all.includes(word));
    })
    .sort((a, b) => rank(a) - rank(b))
    .slice(0, most);
}
