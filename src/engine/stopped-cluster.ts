import { IsthmusError } from "../base/index.ts";

/** What is said to whoever asks a cluster that is stopped. */
export function stoppedCluster(name: string): IsthmusError {
  return new IsthmusError("cluster/stopped", `${name} is stopped`, {
    nextStep: `isthmus cluster start ${name} starts it again.`,
  });
}
