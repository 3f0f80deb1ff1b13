{{/*
The proxy as a native sidecar, for the pod of another chart that has this one as a dependency with `shared: false`:

  spec:
    template:
      metadata:
        labels:
          azure.workload.identity/use: "true"
      spec:
        initContainers:
          {{- include "azdb-proxy.sidecar" (dict
                "image" "registry.example.org/azdb-proxy:0.1.0"
                "routes" (list "postgres://orders-app@orders.postgres.database.azure.com/orders")) | nindent 10 }}
        volumes:
          - name: azdb-proxy
            emptyDir: {}
*/}}
{{- define "azdb-proxy.sidecar" -}}
- name: azdb-proxy
  image: {{ .image }}
  restartPolicy: Always
  env:
    {{- range $index, $route := .routes }}
    - name: AZDB_PROXY_ROUTE{{ if $index }}_{{ $index }}{{ end }}
      value: {{ $route | quote }}
    {{- end }}
    - name: AZDB_PROXY_HEALTH_LISTEN
      value: 0.0.0.0:9090
    - name: AZDB_PROXY_REQUIRE_READY
      value: "true"
  {{- include "azdb-proxy.watched" . | nindent 2 }}
  resources:
    requests:
      cpu: 20m
      memory: 32Mi
    limits:
      memory: 256Mi
  securityContext:
    runAsNonRoot: true
    runAsUser: 65532
    runAsGroup: 65532
    seccompProfile:
      type: RuntimeDefault
    {{- include "azdb-proxy.confined" . | nindent 4 }}
  volumeMounts:
    - name: azdb-proxy
      mountPath: /state
{{- end }}

{{/* Probes. None of them dials a database. */}}
{{- define "azdb-proxy.watched" -}}
startupProbe:
  httpGet:
    path: /startup
    port: 9090
  periodSeconds: 1
  failureThreshold: 90
readinessProbe:
  httpGet:
    path: /readiness
    port: 9090
  periodSeconds: 5
livenessProbe:
  httpGet:
    path: /liveness
    port: 9090
  periodSeconds: 30
  timeoutSeconds: 5
{{- end }}

{{- define "azdb-proxy.confined" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end }}
