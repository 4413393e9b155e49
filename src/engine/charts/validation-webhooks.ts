import type { KubeObject, LabelSelector, Webhook } from "../../kube/index.ts";
import type { IstioValues } from "./istio-values.ts";

/**
 * The ValidatingWebhookConfigurations that send Istio's objects to istiod before they are stored: those that name this
 * revision by label, and (the default revision's, here always this one) all others. They are installed with
 * failurePolicy Ignore, so that objects may come before istiod does; from then on caBundle and failurePolicy are istiod's.
 */
export function validationWebhooks(
  values: IstioValues,
  namespace: string,
  isInstalled: (object: KubeObject) => boolean,
): KubeObject[] {
  const revision = values.revision || "default";
  const suffix = values.revision === "" ? "" : `-${values.revision}`;
  const webhook: Omit<Webhook, "name"> = {
    clientConfig: { service: { name: `istiod${suffix}`, namespace, path: "/validate", port: 443 } },
    rules: [
      {
        operations: ["CREATE", "UPDATE"],
        // The Gateway API is in no rule of upstream's: it runs there, and here it is refused.
        apiGroups: [
          "security.istio.io",
          "networking.istio.io",
          "telemetry.istio.io",
          "extensions.istio.io",
          "gateway.networking.k8s.io",
        ],
        apiVersions: ["*"],
        resources: ["*"],
      },
    ],
    sideEffects: "None",
    admissionReviewVersions: ["v1"],
  };
  const configuration = (name: string, webhook: Webhook): KubeObject => {
    const object = {
      apiVersion: "admissionregistration.k8s.io/v1",
      kind: "ValidatingWebhookConfiguration",
      metadata: {
        name,
        labels: {
          app: "istiod",
          istio: "istiod",
          "istio.io/rev": revision,
          "app.kubernetes.io/name": "istiod",
          "app.kubernetes.io/managed-by": "isthmus",
        },
      },
    };
    const installed = { ...webhook, failurePolicy: "Ignore" };
    return { ...object, webhooks: [isInstalled(object) ? webhook : installed] };
  };
  const ofRevision: LabelSelector = {
    matchExpressions: [{ key: "istio.io/rev", operator: "In", values: [revision] }],
  };
  return [
    configuration(`istio-validator${suffix}-${namespace}`, {
      name: "rev.validation.istio.io",
      ...webhook,
      objectSelector: ofRevision,
    }),
    configuration("istiod-default-validator", { name: "validation.istio.io", ...webhook }),
  ];
}
