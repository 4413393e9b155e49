const offloaded = (cluster: string) => `
apiVersion: apps/v1
kind: Deployment
metadata: {name: s0-${cluster}, labels: {app: s0}}
spec:
  replicas: 1
  selector: {matchLabels: {app-t: s0-${cluster}}}
  template:
    metadata: {labels: {app: s0, app-t: s0-${cluster}}}
    spec:
      affinity:
        nodeAffinity:
          requiredDuringSchedulingIgnoredDuringExecution:
            nodeSelectorTerms:
              - matchExpressions: [{key: topology.kubernetes.io/zone, operator: In, values: [${cluster}]}]
      containers: [{name: s0, image: luksa/kubia}]
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: s0-${cluster}}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: s0-${cluster}}
  minReplicas: 1
  maxReplicas: 10
  metrics: [{type: Resource, resource: {name: cpu, target: {type: Utilization, averageUtilization: 60}}}]
---`;

const nodePort = (name: string, port: number, targetPort: number) => `
apiVersion: v1
kind: Service
metadata: {name: ${name}}
spec:
  type: NodePort
  selector: {app: ${name}}
  ports: [{name: http, port: ${targetPort}, targetPort: ${targetPort}, nodePort: ${port}}]
---`;

const app = (name: string, port: number, image: string, env: Readonly<Record<string, string>>) => `
apiVersion: apps/v1
kind: Deployment
metadata: {name: ${name}}
spec:
  selector: {matchLabels: {app: ${name}}}
  template:
    metadata: {labels: {app: ${name}}}
    spec:
      containers:
        - name: ${name}
          image: ${image}
          env: ${JSON.stringify(Object.entries(env).map(([key, value]) => ({ name: key, value })))}
          ports: [{name: http, containerPort: ${port}}]
          resources: {requests: {memory: 50Mi, cpu: 100m}, limits: {memory: 500Mi, cpu: 500m}}
          readinessProbe: {httpGet: {path: /, port: http}}
---
apiVersion: v1
kind: Service
metadata: {name: ${name}}
spec:
  selector: {app: ${name}}
  ports: [{name: http, port: ${port}}]
---`;

/** What the guides apply with kubectl, as far as its kinds are Kubernetes' and Istio's own; the namespace comes with -n. */
export const guideManifests: Readonly<Record<string, string>> = {
  liqo: `${offloaded("consumer")}${offloaded("provider1")}${nodePort("prometheus-nodeport", 30000, 9090)}${nodePort("kiali-nodeport", 30003, 20001)}
apiVersion: v1
kind: Service
metadata: {name: s0, labels: {app: s0}}
spec:
  selector: {app: s0}
  ports: [{port: 80, targetPort: 8080}]
---
apiVersion: networking.istio.io/v1beta1
kind: Gateway
metadata: {name: http-gateway-fluidosmesh}
spec:
  selector: {istio: ingressgateway}
  servers: [{port: {number: 80, name: http, protocol: HTTP}, hosts: ["*"]}]
---
apiVersion: networking.istio.io/v1beta1
kind: VirtualService
metadata: {name: s0}
spec:
  hosts: ["*"]
  gateways: [http-gateway-fluidosmesh]
  http:
    - match: [{uri: {prefix: /s0}}]
      rewrite: {uri: /}
      route: [{destination: {host: s0, port: {number: 80}}}]
---
apiVersion: networking.istio.io/v1beta1
kind: DestinationRule
metadata: {name: s0}
spec:
  host: s0
  trafficPolicy: {outlierDetection: {consecutive5xxErrors: 7, interval: 30s, baseEjectionTime: 30s}}
`,
  aks: `
apiVersion: v1
kind: Secret
metadata: {name: cacerts}
data: {ca-cert.pem: "", ca-key.pem: "", root-cert.pem: "", cert-chain.pem: ""}
---
apiVersion: networking.istio.io/v1alpha3
kind: Gateway
metadata: {name: cluster-aware-gateway}
spec:
  selector: {istio: ingressgateway}
  servers: [{port: {number: 443, name: tls, protocol: TLS}, tls: {mode: AUTO_PASSTHROUGH}, hosts: ["*.local"]}]
---${app("helloworld-v1", 5000, "docker.io/istio/examples-helloworld-v1", {})}
apiVersion: networking.istio.io/v1alpha3
kind: DestinationRule
metadata: {name: helloworld-destination}
spec:
  host: helloworld-v1
  subsets: [{name: v1, labels: {version: v1}}, {name: v2, labels: {version: v2}}]
---
apiVersion: networking.istio.io/v1alpha3
kind: VirtualService
metadata: {name: helloworld}
spec:
  hosts: [helloworld-v1]
  http:
    - route:
        - {destination: {host: helloworld-v1, subset: v1, port: {number: 5000}}, weight: 50}
        - {destination: {host: helloworld-v1, subset: v2, port: {number: 5000}}, weight: 50}
`,
  oke: `
apiVersion: v1
kind: Secret
metadata: {name: hf-secret}
type: Opaque
stringData: {HF_TOKEN: token}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: sglang, labels: {obj: sglang-deployment}}
spec:
  replicas: 1
  strategy: {type: Recreate}
  selector: {matchLabels: {app: sglang}}
  template:
    metadata: {labels: {app: sglang, model: meta-llama-31-8b-instruct, engine: sglang}}
    spec:
      hostIPC: true
      tolerations: [{key: nvidia.com/gpu, operator: Exists, effect: NoSchedule}]
      containers:
        - name: sglang
          image: docker.io/lmsysorg/sglang:latest
          command: [python3, -m, sglang.launch_server, --model-path, meta-llama/Llama-3.1-8B-Instruct]
          env: [{name: HF_TOKEN, valueFrom: {secretKeyRef: {name: hf-secret, key: HF_TOKEN}}}]
          ports: [{containerPort: 30000}]
          resources: {limits: {nvidia.com/gpu: 1}}
          livenessProbe: {httpGet: {path: /health, port: 30000}, initialDelaySeconds: 30}
---
apiVersion: v1
kind: Service
metadata: {name: sglang, labels: {obj: sglang-service}}
spec:
  selector: {app: sglang}
  ports: [{name: http, port: 80, targetPort: 30000}]
---
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: demo-gateway}
spec:
  selector: {istio: ingressgateway}
  servers:
    - {port: {number: 80, name: http, protocol: HTTP}, hosts: [demo.example.com]}
    - port: {number: 443, name: https, protocol: HTTPS}
      tls: {mode: SIMPLE, credentialName: demo-domain-staging-cert}
      hosts: [demo.example.com]
`,
  gloo: `
apiVersion: v1
kind: Service
metadata: {name: gloo-mesh-mgmt-server}
spec:
  type: LoadBalancer
  selector: {app: gloo-mesh-mgmt-server}
  ports: [{name: grpc, port: 9900}]
`,
  global: `${app("greeter", 3000, "npalm/hello-mesh-greeter", { SECOND_CLUSTER: "http://messenger.default.global:3000", LOCATION: "mesh-1" })}${app("messenger", 3000, "npalm/hello-mesh-messenger", { MESSAGE: "All good from Google Cloude" })}
apiVersion: networking.istio.io/v1alpha3
kind: ServiceEntry
metadata: {name: messenger}
spec:
  hosts: [messenger.default.global]
  location: MESH_INTERNAL
  ports: [{name: http1, number: 3000, protocol: http}]
  resolution: DNS
  addresses: [127.127.42.69]
  endpoints: [{address: 203.0.113.7, ports: {http1: 15443}}]
---
apiVersion: v1
kind: ConfigMap
metadata: {name: coredns}
data: {Corefile: "global:53 { errors; cache 30; forward . 10.0.0.53 }"}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: kube-dns}
data: {stubDomains: '{"global": ["10.0.0.53"]}'}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: mt-admin}
subjects: [{kind: User, name: somebody@example.com, apiGroup: rbac.authorization.k8s.io}]
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: cluster-admin}
`,
};

/** Kinds of the guides that belong to other products: served where their definitions are, and refused elsewhere. */
export const foreignKinds: readonly (readonly [apiVersion: string, kind: string])[] = [
  ["monitoring.coreos.com/v1", "PodMonitor"],
  ["monitoring.coreos.com/v1", "ServiceMonitor"],
  ["install.istio.io/v1alpha1", "IstioOperator"],
  ["admin.gloo.solo.io/v2", "KubernetesCluster"],
  ["admin.gloo.solo.io/v2", "Workspace"],
  ["admin.gloo.solo.io/v2", "WorkspaceSettings"],
];
