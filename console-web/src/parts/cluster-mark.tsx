import { createContext, useContext } from "react";
import { clusterLetters } from "./cluster-letters.ts";

/** How the clusters of the mesh are marked, by name. */
export interface ClusterLook {
  readonly letters: string;
  /** 1 to 20; clusters keep it by their place in the mesh file. */
  readonly hue: number;
  readonly isNotched: boolean;
  readonly isAway: boolean;
}

const Looks = createContext<ReadonlyMap<string, ClusterLook>>(new Map());

export const ClusterLooks = Looks.Provider;

/** The looks of clusters in the order of the mesh file. */
export function clusterLooks(
  clusters: readonly { readonly name: string; readonly isAway: boolean }[],
): ReadonlyMap<string, ClusterLook> {
  const letters = clusterLetters(clusters.map(({ name }) => name));
  return new Map(
    clusters.map(({ name, isAway }, i) => [
      name,
      { letters: letters.get(name) ?? "", hue: (i % 20) + 1, isNotched: i >= 10, isAway },
    ]),
  );
}

export function useClusterLook(name: string): ClusterLook {
  const looks = useContext(Looks);
  return looks.get(name) ?? { letters: name.slice(0, 2), hue: 1, isNotched: false, isAway: true };
}

export function useClusterLooks(): ReadonlyMap<string, ClusterLook> {
  return useContext(Looks);
}

/** The mark of a cluster; its name stands beside it. */
export function ClusterMark({
  name,
  isLarge = false,
}: {
  readonly name: string;
  readonly isLarge?: boolean;
}) {
  const { letters, hue, isNotched, isAway } = useClusterLook(name);
  const classes = ["mark", `hue-${hue}`, isLarge && "large", isNotched && "notched", isAway && "away"];
  return (
    <span className={classes.filter(Boolean).join(" ")} aria-hidden="true">
      {letters}
    </span>
  );
}

/** Mark and name of a cluster. */
export function ClusterName({ name }: { readonly name: string }) {
  return (
    <span className="row tight">
      <ClusterMark name={name} />
      {name}
    </span>
  );
}
