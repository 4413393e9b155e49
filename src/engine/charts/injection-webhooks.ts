import type { KubeObject, LabelSelector, Webhook } from "../../kube/index.ts";
import type { IstioValues } from "./istio-values.ts";

type Expression = NonNullable<LabelSelector["matchExpressions"]>[number];

const absent = (key: string): Expression => ({ key, operator: "DoesNotExist" });
const among = (key: string, ...values: string[]): Expression => ({ key, operator: "In", values });
const notFalse: Expression = { key: "sidecar.istio.io/inject", operator: "NotIn", values: ["false"] };

/**
 * The MutatingWebhookConfiguration that sends new pods to istiod for their sidecar. Which pods: by revision
 * label or, for the default revision, by istio-injection and sidecar.istio.io/inject, as Istio documents it.
 * The caBundle is filled by istiod.
 */
export function injectionWebhooks(values: IstioValues, namespace: string): KubeObject {
  const revision = values.revision || "default";
  const name =
    values.revision === "" ? "istio-sidecar-injector" : `istio-sidecar-injector-${values.revision}`;
  const cases: readonly (readonly [string, readonly Expression[], readonly Expression[]])[] = [
    ["rev.namespace.", [among("istio.io/rev", revision), absent("istio-injection")], [notFalse]],
    [
      "rev.object.",
      [absent("istio.io/rev"), absent("istio-injection")],
      [notFalse, among("istio.io/rev", revision)],
    ],
    ...(values.revision === ""
      ? ([
          ["namespace.", [among("istio-injection", "enabled")], [notFalse]],
          [
            "object.",
            [absent("istio-injection"), absent("istio.io/rev")],
            [among("sidecar.istio.io/inject", "true"), absent("istio.io/rev")],
          ],
        ] as const)
      : []),
  ];
  return {
    apiVersion: "admissionregistration.k8s.io/v1",
    kind: "MutatingWebhookConfiguration",
    metadata: {
      name: namespace === "istio-system" ? name : `${name}-${namespace}`,
      labels: {
        app: "sidecar-injector",
        "istio.io/rev": revision,
        "app.kubernetes.io/name": "istiod",
        "app.kubernetes.io/managed-by": "isthmus",
      },
    },
    webhooks: cases.map(([prefix, namespaces, objects]) =>
      webhook(prefix, namespaces, objects, values, namespace),
    ),
  };
}

function webhook(
  prefix: string,
  namespaces: readonly Expression[],
  objects: readonly Expression[],
  values: IstioValues,
  namespace: string,
): Webhook {
  const name = values.revision === "" ? "istiod" : `istiod-${values.revision}`;
  return {
    name: `${prefix}sidecar-injector.istio.io`,
    clientConfig:
      values.injectionUrl === ""
        ? { service: { name, namespace, path: values.injectionPath, port: 443 } }
        : { url: values.injectionUrl },
    sideEffects: "None",
    rules: [{ operations: ["CREATE"], apiGroups: [""], apiVersions: ["v1"], resources: ["pods"] }],
    failurePolicy: "Fail",
    reinvocationPolicy: "Never",
    admissionReviewVersions: ["v1"],
    namespaceSelector: { matchExpressions: namespaces },
    objectSelector: { matchExpressions: objects },
  };
}
