import type { ProvisionCluster } from "../contracts.ts";
import { yamlFile } from "../yaml-file.ts";

/** Values and commands of vcluster: a cluster in a namespace of another one, reached by a load balancer of that one. */
export const provisionVcluster: ProvisionCluster = ({ cluster, provider, cloudName }) => {
  const { name, context, kubernetes } = cluster;
  const file = `${name}/vcluster.yaml`;
  const kubeconfig = `${name}/kubeconfig`;
  const values = {
    controlPlane: {
      distro: {
        k8s: {
          enabled: true,
          ...(kubernetes === undefined ? {} : { image: { tag: `v${kubernetes.replace(/^v/, "")}` } }),
        },
      },
      service: { spec: { type: "LoadBalancer" } },
    },
    // The nodes as they are: their zones are what locality goes by.
    sync: { fromHost: { nodes: { enabled: true, selector: { all: true } } } },
    exportKubeConfig: { context },
  };
  const where = [
    ...["--namespace", cloudName],
    ...(provider.host === undefined ? [] : ["--context", provider.host]),
  ];
  return {
    files: new Map([[file, yamlFile(values, `clusters.${name}`)]]),
    kubeconfig,
    steps: [
      {
        id: `${name}/create`,
        cluster: name,
        title: `create the virtual cluster ${cloudName}${provider.host === undefined ? "" : ` in ${provider.host}`}`,
        command: [
          "vcluster",
          "create",
          cloudName,
          ...where,
          "--values",
          file,
          "--connect=false",
          "--upgrade",
        ],
        reads: file,
        undo: ["vcluster", "delete", cloudName, ...where],
        nextStep: `kubectl -n ${cloudName} get pods, in the host cluster, says what it waits for.`,
      },
      {
        id: `${name}/credentials`,
        cluster: name,
        title: `write the context ${context}`,
        command: [
          ...["vcluster", "connect", cloudName, ...where, "--kube-config", kubeconfig],
          ...["--kube-config-context-name", context, "--update-current=false"],
        ],
        nextStep: `Its Service needs an address first: kubectl -n ${cloudName} get service ${cloudName}, in the host cluster.`,
      },
    ],
    notes: [
      `The pods of ${name} run in its host cluster: virtual clusters of one host reach each other's pods by IP, whatever their networks are called.`,
    ],
  };
};
