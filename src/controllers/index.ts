/**
 * controllers: what makes the objects of one cluster true, as Kubernetes' own controllers and scheduler do.
 *
 * startControllers runs them all: namespaces, service accounts, deployments, replica sets, stateful sets, daemon
 * sets, jobs, cron jobs, the scheduler, endpoints, load balancer addresses, disruption budgets, resource quotas, horizontal
 * pod autoscalers, taints, volumes, the garbage collector, event expiry. Each has a folder here; core/ holds what they share: stores, queues, reconcilers, events.
 * startCertificateManager is what cert-manager's pod runs.
 *
 * Knows the cluster only through its Kubernetes API. Runs no pods, opens no sockets, and knows nothing of meshes.
 */
export { startCaInjector } from "./certificates/start-ca-injector.ts";
export { startCertificateManager } from "./certificates/start-certificate-manager.ts";
export { usageNames } from "./certificates/usages.ts";
export type { ControllerOptions, ServiceAccountTokenSource } from "./contracts.ts";
export { hostnameAnnotation, loadBalancerClass } from "./load-balancers/start-load-balancers.ts";
export { startControllers } from "./start-controllers.ts";
