import {
  type LabelSelector,
  matchesLabelSelector,
  type Webhook,
  type WebhookConfiguration,
} from "../../kube/index.ts";
import type { ClusterView, Find, Finding } from "../contracts.ts";
import { findingAbout } from "../finding-about.ts";
import { named, reference } from "../object-reference.ts";
import { listed } from "../text.ts";

const revisionLabel = "istio.io/rev";
const inNamespaces = [{}, { "istio-injection": "enabled" }, { "istio-injection": "disabled" }];
const onPods = [{}, { "sidecar.istio.io/inject": "true" }, { "sidecar.istio.io/inject": "false" }];

interface Known {
  readonly configuration: WebhookConfiguration;
  readonly webhook: Webhook;
  readonly index: number;
}

/** Injection webhooks that would treat one pod twice, or that call a Service which does not exist. */
export const checkWebhooks: Find = ({ clusters }) => clusters.flatMap(checkOne);

/** Whether a webhook is Istio's, by its name. */
export function isIstioWebhook({ name }: Webhook): boolean {
  return name.endsWith("istio.io");
}

function checkOne(cluster: ClusterView): Finding[] {
  const known = cluster.webhooks
    .filter(
      (configuration) =>
        revisionsOf(configuration).length > 0 || (configuration.webhooks ?? []).some(isIstioWebhook),
    )
    .flatMap((configuration) =>
      (configuration.webhooks ?? []).map((webhook, index): Known => ({ configuration, webhook, index })),
    );
  return [...overlaps(known, cluster), ...known.flatMap((one) => withoutService(one, cluster))];
}

function overlaps(known: readonly Known[], cluster: ClusterView): Finding[] {
  const revisions = [...new Set(known.flatMap(({ configuration }) => revisionsOf(configuration)))];
  const withRevisions = (labels: readonly Readonly<Record<string, string>>[]) => [
    ...labels,
    ...revisions.flatMap((revision) => labels.map((one) => ({ ...one, [revisionLabel]: revision }))),
  ];
  const clashing = new Set<Known>();
  for (const ofNamespace of withRevisions(inNamespaces))
    for (const ofPod of withRevisions(onPods)) {
      const matching = known.filter(
        ({ webhook: { namespaceSelector = {}, objectSelector = {} } }) =>
          matchesLabelSelector(namespaceSelector, ofNamespace) && matchesLabelSelector(objectSelector, ofPod),
      );
      if (matching.length > 1) for (const one of matching) clashing.add(one);
    }
  const [first, ...others] = clashing;
  if (first === undefined) return [];
  const names = [...clashing].map(
    ({ configuration, webhook }) => `${configuration.metadata.name}/${webhook.name}`,
  );
  return [
    findingAbout(cluster, first.configuration, `webhooks[${first.index}]`, {
      code: "injection/invalid-webhook",
      severity: "error",
      effect: `new pods of ${cluster.name} may get two sidecars`,
      cause: `the webhooks ${listed(names)} of ${cluster.name} are for the same pods`,
      seen: first.webhook.name,
      others: [...new Set(others.map(({ configuration }) => configuration))]
        .filter((one) => one !== first.configuration)
        .map((one) => reference(cluster, one)),
      fix: "delete the configuration of the revision that is no longer used, or narrow its selectors",
    }),
  ];
}

function withoutService({ configuration, webhook, index }: Known, cluster: ClusterView): Finding[] {
  const { service } = webhook.clientConfig;
  if (service === undefined) return [];
  const { name, namespace } = service;
  if (cluster.services.some(({ metadata }) => metadata.name === name && metadata.namespace === namespace))
    return [];
  return [
    findingAbout(cluster, configuration, `webhooks[${index}].clientConfig.service`, {
      code: "injection/invalid-webhook",
      severity: "error",
      effect: `new pods of ${cluster.name} that ${webhook.name} is for are refused`,
      cause: `${named(configuration)} of ${cluster.name} calls the Service ${namespace}/${name}, which does not exist`,
      seen: `${namespace}/${name}`,
      fix: `install the control plane that it belongs to, or kubectl --context ${cluster.name} delete mutatingwebhookconfiguration ${configuration.metadata.name}`,
    }),
  ];
}

function revisionsOf({ metadata, webhooks = [] }: WebhookConfiguration): string[] {
  const selected = ({ matchLabels = {}, matchExpressions = [] }: LabelSelector) => [
    matchLabels[revisionLabel] ?? [],
    ...matchExpressions.filter(({ key }) => key === revisionLabel).map(({ values = [] }) => values),
  ];
  return [
    metadata.labels?.[revisionLabel] ?? [],
    ...webhooks.flatMap(({ namespaceSelector = {}, objectSelector = {} }) => [
      ...selected(namespaceSelector),
      ...selected(objectSelector),
    ]),
  ].flat();
}
