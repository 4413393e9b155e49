import { existsSync } from "node:fs";
import path from "node:path";

/** Where a cluster's CA is kept. */
export interface CaPlace {
  /** Holds the root, root-cert.pem, and its key, root-key.pem, unless that is kept elsewhere. */
  readonly folder: string;
  /** Holds the four files: a sub-folder of `folder`, or `folder` itself for a CA that clusters share. */
  readonly place: string;
}

/** The place in `folder` of the CA of `cluster`: the sub-folder named like it when there is one, else the folder. */
export function caPlace(folder: string, cluster: string): CaPlace {
  const own = path.join(folder, cluster);
  return { folder, place: existsSync(own) ? own : folder };
}
