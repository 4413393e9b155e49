/** What a control plane says of itself, as istioctl reads it. */
export interface ControlPlaneIdentity {
  /** Name of istiod's pod. */
  readonly instance: string;
  /** "1.31.1" */
  readonly version: string;
}

/** Where upstream has the commit and the state of its work tree. */
const revision = "isthmus";
const status = "Clean";

/** The answer of istiod's /version: version, revision and status of the build, between hyphens. */
export function versionLine(version: string): string {
  return `${version}-${revision}-${status}`;
}

/** The identifier of the ControlPlane in a DiscoveryResponse: JSON of Istio's IstioControlPlaneInstance. */
export function controlPlaneIdentifier({ instance, version }: ControlPlaneIdentity): string {
  return JSON.stringify({ Component: "istiod", ID: instance, Info: { version, revision, status } });
}
