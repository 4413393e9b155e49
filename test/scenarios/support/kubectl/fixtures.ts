/** A Deployment that answers, its Service, and a pod to send requests and run commands from. */
export const webManifests = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, labels: {app: web}}
spec:
  replicas: 1
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      terminationGracePeriodSeconds: 0
      containers:
        - name: c
          image: docker.io/istio/examples-helloworld-v1:1.0
          ports: [{containerPort: 5000}]
---
apiVersion: v1
kind: Service
metadata: {name: web, labels: {app: web}}
spec:
  selector: {app: web}
  ports: [{port: 5000, name: http}]
---
apiVersion: v1
kind: Pod
metadata: {name: shell, labels: {app: shell}}
spec:
  terminationGracePeriodSeconds: 0
  containers:
    - {name: main, image: docker.io/curlimages/curl:8.16.0, command: [sleep, infinity]}
    - {name: second, image: busybox, command: [sh, -c, "echo one; echo two; sleep infinity"]}
`;

/** The Deployment of webManifests under another name, for what changes it for good. */
export function deployment(name: string, image = "docker.io/istio/examples-helloworld-v1:1.0"): string {
  return `
apiVersion: apps/v1
kind: Deployment
metadata: {name: ${name}, labels: {app: ${name}}}
spec:
  replicas: 1
  selector: {matchLabels: {app: ${name}}}
  template:
    metadata: {labels: {app: ${name}}}
    spec:
      terminationGracePeriodSeconds: 0
      containers: [{name: c, image: "${image}", ports: [{containerPort: 5000}]}]
`;
}

/** A LimitRange "bounds" for the memory of containers. */
export const limitRange = `
apiVersion: v1
kind: LimitRange
metadata: {name: bounds}
spec:
  limits:
    - type: Container
      max: {memory: 1Gi}
      default: {memory: 512Mi}
      defaultRequest: {memory: 256Mi}
`;

/** A claim "files" and a pod "writer" that runs a line of shell with it at /data. */
export function claimAndPod(line: string): string {
  return `
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: files}
spec:
  accessModes: [ReadWriteOnce]
  resources: {requests: {storage: 1Gi}}
---
apiVersion: v1
kind: Pod
metadata: {name: writer}
spec:
  restartPolicy: Never
  terminationGracePeriodSeconds: 0
  containers:
    - name: c
      image: busybox
      command: [sh, -c, ${JSON.stringify(line)}]
      volumeMounts: [{name: files, mountPath: /data}]
  volumes: [{name: files, persistentVolumeClaim: {claimName: files}}]
`;
}

/** A policy, bound to one namespace, that allows a Deployment five replicas. */
export function admissionPolicy(namespace: string): string {
  return `
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: {name: few-replicas}
spec:
  matchConstraints:
    resourceRules:
      - {apiGroups: [apps], apiVersions: [v1], operations: [CREATE, UPDATE], resources: [deployments, deployments/scale]}
  validations: [{expression: "object.spec.replicas <= 5", message: at most 5 replicas}]
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata: {name: few-replicas}
spec:
  policyName: few-replicas
  validationActions: [Deny]
  matchResources: {namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: ${namespace}}}}
`;
}

/** A definition whose fields say what they are. */
export const describedDefinition = `
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: postcards.example.com}
spec:
  group: example.com
  scope: Namespaced
  names: {plural: postcards, kind: Postcard}
  versions:
    - name: v1
      served: true
      storage: true
      schema:
        openAPIV3Schema:
          type: object
          properties:
            spec:
              type: object
              properties:
                to: {type: string, description: Who gets the card.}
`;
