import { certManagerObjects } from "./cert-manager/cert-manager.ts";
import { readCertManagerValues } from "./cert-manager/values.ts";
import type { ChartStandIn } from "./chart-stand-in.ts";
import { istioBaseObjects } from "./istio-base.ts";
import { readIstioValues } from "./istio-values.ts";
import { istiodObjects } from "./istiod.ts";
import { openWebuiObjects } from "./open-webui/open-webui.ts";
import { readOpenWebuiValues } from "./open-webui/values.ts";

const istio = ["istio-release.storage.googleapis.com", "gcr.io/istio-release/charts"];

/** The charts that have a stand-in here. `istioVersion` is what Istio's are like when none is named. */
export function chartStandIns(istioVersion: string): readonly ChartStandIn[] {
  return [
    { chart: "base", publishers: istio, render: ({ namespace }) => istioBaseObjects(namespace) },
    {
      chart: "istiod",
      publishers: istio,
      render: ({ namespace, version = istioVersion, values, isInstalled }) =>
        istiodObjects(readIstioValues(values, version), namespace, isInstalled),
    },
    {
      chart: "cert-manager",
      publishers: ["charts.jetstack.io", "quay.io/jetstack/charts"],
      render: (release) => certManagerObjects(readCertManagerValues(release)),
    },
    {
      chart: "open-webui",
      publishers: ["helm.openwebui.com", "open-webui.github.io/helm-charts", "ghcr.io/open-webui"],
      render: (release) => openWebuiObjects(readOpenWebuiValues(release)),
    },
  ];
}
