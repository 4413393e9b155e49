/**
 * istio-metrics: Istio's standard metrics (istio_requests_total and its siblings) of one proxy.
 *
 * Main types: IstioMetrics, Workload.
 *
 * Counts what it is told; knows no proxy, so that whatever sees the traffic can have the same metrics.
 */
export {
  type Carried,
  createIstioMetrics,
  type IstioMetrics,
  type OpenConnection,
  type Traffic,
} from "./istio-metrics.ts";
export { endpointWorkload, unknownWorkload, type Workload, workloadOfNode } from "./workload.ts";
