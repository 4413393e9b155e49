/** Counters of one HTTP connection manager, named as in Envoy's http.PREFIX.* without the prefix. */
export interface HttpStats {
  downstream_cx_total: number;
  downstream_cx_active: number;
  downstream_cx_http1_total: number;
  downstream_cx_http2_total: number;
  downstream_cx_protocol_error: number;
  downstream_cx_destroy: number;
  downstream_rq_total: number;
  downstream_rq_active: number;
  downstream_rq_completed: number;
  downstream_rq_1xx: number;
  downstream_rq_2xx: number;
  downstream_rq_3xx: number;
  downstream_rq_4xx: number;
  downstream_rq_5xx: number;
  downstream_rq_timeout: number;
  downstream_rq_rx_reset: number;
  no_route: number;
  no_cluster: number;
  rq_total: number;
  /** Decisions of the RBAC filters by their names below "rbac.": "allowed", "istio_dry_run_deny_shadow_denied" … */
  readonly rbac: Map<string, number>;
}

export function createHttpStats(): HttpStats {
  return {
    downstream_cx_total: 0,
    downstream_cx_active: 0,
    downstream_cx_http1_total: 0,
    downstream_cx_http2_total: 0,
    downstream_cx_protocol_error: 0,
    downstream_cx_destroy: 0,
    downstream_rq_total: 0,
    downstream_rq_active: 0,
    downstream_rq_completed: 0,
    downstream_rq_1xx: 0,
    downstream_rq_2xx: 0,
    downstream_rq_3xx: 0,
    downstream_rq_4xx: 0,
    downstream_rq_5xx: 0,
    downstream_rq_timeout: 0,
    downstream_rq_rx_reset: 0,
    no_route: 0,
    no_cluster: 0,
    rq_total: 0,
    rbac: new Map(),
  };
}

/** Counts what RBAC rules say of a request. */
export function countDecision({ rbac }: HttpStats, name: string): void {
  rbac.set(name, (rbac.get(name) ?? 0) + 1);
}

/** Counts a status in the class it belongs to. */
export function countStatus(stats: HttpStats, status: number): void {
  stats.downstream_rq_completed++;
  if (status >= 500) stats.downstream_rq_5xx++;
  else if (status >= 400) stats.downstream_rq_4xx++;
  else if (status >= 300) stats.downstream_rq_3xx++;
  else if (status >= 200) stats.downstream_rq_2xx++;
  else if (status >= 100) stats.downstream_rq_1xx++;
}
