{{- /* What every object of a part is labelled with. */ -}}
{{- define "isthmus.labels" -}}
app: {{ .name }}
app.kubernetes.io/name: {{ .name }}
app.kubernetes.io/part-of: isthmus
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version }}
{{- end -}}

{{- /* A pod of either part: no right on its node, its file system read-only. */ -}}
{{- define "isthmus.pod" -}}
serviceAccountName: {{ .name }}
automountServiceAccountToken: true
securityContext:
  runAsNonRoot: true
  runAsUser: 65532
  runAsGroup: 65532
  seccompProfile:
    type: RuntimeDefault
{{- with .root.Values.imagePullSecrets }}
imagePullSecrets: {{ toYaml . | nindent 2 }}
{{- end }}
{{- with .root.Values.nodeSelector }}
nodeSelector: {{ toYaml . | nindent 2 }}
{{- end }}
{{- with .root.Values.tolerations }}
tolerations: {{ toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{- define "isthmus.container" -}}
image: {{ printf "%s:%s" .part.image (.root.Values.imageTag | default .root.Chart.AppVersion) | quote }}
imagePullPolicy: {{ .root.Values.imagePullPolicy }}
livenessProbe:
  httpGet: { path: /healthz, port: http-metrics }
  periodSeconds: 10
  failureThreshold: 3
readinessProbe:
  httpGet: { path: /readyz, port: http-metrics }
  periodSeconds: 5
  failureThreshold: 2
resources: {{ toYaml .part.resources | nindent 2 }}
securityContext:
  allowPrivilegeEscalation: false
  capabilities:
    drop: [ALL]
  readOnlyRootFilesystem: true
{{- end -}}

{{- define "isthmus.scraped" -}}
prometheus.io/scrape: "true"
prometheus.io/port: "8080"
prometheus.io/path: /metrics
{{- end -}}

{{- /* The manager and its agents know each other by the names that they have in this namespace. */ -}}
{{- define "isthmus.checks" -}}
{{- if ne .Release.Namespace "gloo-mesh" }}
{{- fail "install it into the namespace gloo-mesh: helm install ... --namespace gloo-mesh --create-namespace" }}
{{- end }}
{{- if not (or .Values.manager.enabled .Values.agent.enabled) }}
{{- fail "say what this cluster is: --set manager.enabled=true on the management cluster, --set agent.enabled=true on a workload cluster" }}
{{- end }}
{{- end -}}
