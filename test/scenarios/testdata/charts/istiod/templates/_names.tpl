{{- define "name" -}}
istiod{{ with .Values.revision }}-{{ . }}{{ end }}
{{- end }}

{{- define "suffix" -}}
{{ with .Values.revision }}-{{ . }}{{ end }}
{{- end }}

{{- define "labels" -}}
app: istiod
istio.io/rev: {{ .Values.revision | default "default" }}
{{- end }}

{{- define "remote" -}}
{{ if or (eq .Values.profile "remote") .Values.istiodRemote.enabled }}yes{{ end }}
{{- end }}
