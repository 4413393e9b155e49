import assert from "node:assert/strict";
import { claimAndPod, deployment, limitRange } from "./fixtures.ts";
import type { KubectlCheck } from "./kubectl-check.ts";

const rolledOut = "kubectl rollout status deploy/rolled --timeout=60s";

/** What kubectl does with workloads, nodes and pods as a whole. */
export const workloadChecks: readonly KubectlCheck[] = [
  {
    command: "rollout status, restart, history, undo, pause, resume",
    everywhere: true,
    async check({ ok }) {
      await ok("kubectl apply -f -", deployment("rolled"));
      assert.match(await ok(rolledOut), /successfully rolled out/);
      await ok("kubectl set image deploy/rolled c=docker.io/istio/examples-helloworld-v2:1.0");
      await ok(`kubectl annotate deploy/rolled kubernetes.io/change-cause=second && ${rolledOut}`);
      assert.match(await ok("kubectl rollout history deploy/rolled"), /1 +<none>\n2 +second/);
      assert.match(await ok("kubectl rollout history deploy/rolled --revision=1"), /helloworld-v1/);
      assert.match(await ok(`kubectl rollout undo deploy/rolled && ${rolledOut}`), /rolled back/);
      const image = "kubectl get deploy rolled -o jsonpath='{.spec.template.spec.containers[0].image}'";
      assert.match(await ok(image), /helloworld-v1/);
      await ok("kubectl rollout pause deploy/rolled && kubectl set env deploy/rolled A=b");
      await ok(`kubectl rollout resume deploy/rolled && ${rolledOut}`);
      await ok(`kubectl rollout restart deploy/rolled && ${rolledOut}`);
      assert.match(await ok("kubectl describe pod -l app=rolled"), /kubectl.kubernetes.io\/restartedAt/);
      await ok("kubectl delete deploy rolled");
    },
  },
  {
    command: "set env, image, resources, serviceaccount, selector",
    async check({ ok }) {
      await ok("kubectl apply -f -", deployment("set"));
      assert.match(await ok("kubectl set env deploy/set A=b --dry-run=server"), /server dry run/);
      await ok("kubectl set env deploy/set A=b");
      assert.match(await ok("kubectl set env deploy/set --list"), /^A=b$/m);
      await ok("kubectl set image deploy/set c=busybox");
      await ok("kubectl set resources deploy/set --requests=cpu=10m --limits=cpu=1");
      await ok("kubectl set serviceaccount deploy/set default");
      await ok("kubectl create service clusterip set --tcp=80:80 && kubectl set selector svc/set app=web");
      const container = JSON.parse(
        await ok("kubectl get deploy set -o jsonpath='{.spec.template.spec.containers[0]}'"),
      ) as { readonly image: string; readonly resources: unknown };
      assert.deepEqual(
        [container.image, container.resources],
        ["busybox", { limits: { cpu: "1" }, requests: { cpu: "10m" } }],
      );
      await ok("kubectl delete deploy/set svc/set");
    },
  },
  {
    command: "scale",
    async check({ ok, fails }) {
      await ok("kubectl scale deploy web --replicas=2 && kubectl rollout status deploy/web --timeout=60s");
      assert.match(
        await fails("kubectl scale deploy web --current-replicas=5 --replicas=1"),
        /Expected replicas to be 5, was 2/,
      );
      await ok("kubectl scale deploy web --replicas=1 && kubectl rollout status deploy/web --timeout=60s");
    },
  },
  {
    command: "autoscale, get hpa, describe hpa (scales by CPU)",
    async check({ ok }) {
      const ready = "kubectl rollout status deploy/scaled --timeout=60s";
      await ok("kubectl apply -f -", deployment("scaled"));
      await ok(`kubectl set resources deploy/scaled --requests=cpu=1m && ${ready}`);
      await ok("kubectl expose deploy scaled --port=5000");
      const address = await ok("kubectl get svc scaled -o jsonpath='{.spec.clusterIP}'");
      await ok(`
        (for i in $(seq 2000); do curl -sS -o /dev/null http://${address}:5000/hello || true; done) & load=$!
        trap 'kill $load' EXIT
        kubectl autoscale deploy scaled --min=1 --max=3 --cpu-percent=50 &&
        kubectl wait --for=jsonpath='{.spec.replicas}'=3 deploy/scaled --timeout=60s`);
      assert.match(await ok("kubectl get hpa scaled"), /Deployment\/scaled +(cpu: )?\d+%\/50% +1 +3 /);
      assert.match(
        await ok("kubectl describe hpa scaled"),
        /SuccessfulRescale +.* New size: 3; reason: cpu resource utilization \(percentage of request\) above target/,
      );
      await ok("kubectl delete hpa/scaled deploy/scaled svc/scaled");
    },
  },
  {
    command: "expose",
    async check({ ok }) {
      await ok("kubectl expose deploy web --name=exposed --port=80 --target-port=5000 --type=LoadBalancer");
      const shown = "kubectl get svc exposed -o jsonpath='{.status.loadBalancer.ingress[0].ip}'";
      const address = await ok(`until ${shown} | grep .; do sleep 0.1; done`);
      const asked = `until curl -sS http://${address.trim()}/hello; do sleep 0.1; done`;
      assert.match(await ok(asked), /Hello version: v1/);
      await ok("kubectl delete svc exposed");
    },
  },
  {
    command: "wait (condition, jsonpath, delete)",
    async check({ ok, fails }) {
      assert.match(
        await ok("kubectl wait --for=condition=Available deploy/web --timeout=60s"),
        /condition met/,
      );
      assert.match(
        await ok("kubectl wait --for=jsonpath='{.status.readyReplicas}'=1 deploy/web --timeout=60s"),
        /condition met/,
      );
      assert.match(
        await ok("kubectl wait --for=condition=Ready pod -l app=web --timeout=60s"),
        /condition met/,
      );
      assert.match(
        await fails("kubectl wait --for=condition=Nothing deploy/web --timeout=0.2s"),
        /timed out/,
      );
      await ok(
        "kubectl create cm waited && (kubectl wait --for=delete cm/waited --timeout=60s & kubectl delete cm waited; wait $!)",
      );
    },
  },
  {
    command: "cordon, uncordon, taint, drain",
    async check({ ok }) {
      const node = await ok("kubectl get node -o jsonpath='{.items[0].metadata.name}'");
      const pending = "kubectl get pods -l app=moved --field-selector=status.phase=Pending -o name";
      await ok(
        "kubectl apply -f - && kubectl rollout status deploy/moved --timeout=60s",
        deployment("moved"),
      );
      try {
        assert.match(await ok(`kubectl cordon ${node}`), /cordoned/);
        assert.match(await ok("kubectl get nodes"), /SchedulingDisabled/);
        const drained = await ok(
          `kubectl drain ${node} --ignore-daemonsets --delete-emptydir-data --pod-selector=app=moved --timeout=60s`,
        );
        assert.match(drained, /evicting pod [\s\S]* drained/);
        // The pod in its place is made a moment after it is gone.
        await ok(`until ${pending} | grep pod/moved; do sleep 0.1; done`);
        await ok(`kubectl taint node ${node} test=x:NoSchedule && kubectl uncordon ${node}`);
        assert.match(await ok(pending), /pod\/moved/);
      } finally {
        await ok(`kubectl uncordon ${node}; kubectl taint node ${node} test-`);
      }
      await ok("kubectl rollout status deploy/moved --timeout=60s && kubectl delete deploy moved");
    },
  },
  {
    command: "drain under a PodDisruptionBudget (waits, then goes on)",
    async check({ ok, fails }) {
      const node = await ok("kubectl get node -o jsonpath='{.items[0].metadata.name}'");
      await ok("kubectl apply -f - && kubectl rollout status deploy/kept --timeout=60s", deployment("kept"));
      await ok("kubectl create pdb kept --selector=app=kept --min-available=1");
      await ok("kubectl wait --for=jsonpath='{.status.currentHealthy}'=1 pdb/kept --timeout=60s");
      assert.match(await ok("kubectl get pdb kept"), /kept +1 +N\/A +0 /);
      const drain = `kubectl drain ${node} --ignore-daemonsets --pod-selector=app=kept`;
      try {
        assert.match(
          await fails(`${drain} --timeout=3s`),
          /will retry after 5s\): Cannot evict pod as it would violate the pod's disruption budget\./,
        );
        await ok(`kubectl patch pdb kept -p '{"spec":{"minAvailable":0}}'`);
        await ok("kubectl wait --for=jsonpath='{.status.disruptionsAllowed}'=1 pdb/kept --timeout=60s");
        assert.match(await ok(`${drain} --timeout=60s`), / drained/);
      } finally {
        await ok(`kubectl uncordon ${node}`);
      }
      await ok("kubectl delete deploy/kept pdb/kept");
    },
  },
  {
    command: "create quota (exceeded quota, must specify), describe quota",
    async check({ ok, fails, namespace }) {
      const inside = `-n ${namespace}-quota`;
      await ok(`kubectl create ns ${namespace}-quota`);
      await ok(`kubectl create quota all ${inside} --hard=pods=2,requests.cpu=1,count/secrets=9`);
      await ok(`kubectl wait --for=jsonpath='{.status.hard.pods}'=2 quota/all ${inside} --timeout=60s`);
      const run = (name: string, cpu: string) =>
        `kubectl run ${name} ${inside} --image=busybox --overrides='{"spec":{"containers":[{"name":"c","image":"busybox","resources":{"requests":{${cpu}}}}]}}'`;
      assert.match(
        await fails(run("none", "")),
        /pods "none" is forbidden: failed quota: all: must specify requests\.cpu for: c/,
      );
      await ok(run("one", '"cpu":"600m"'));
      assert.match(
        await fails(run("two", '"cpu":"600m"')),
        /exceeded quota: all, requested: requests\.cpu=600m, used: requests\.cpu=600m, limited: requests\.cpu=1/,
      );
      assert.match(await ok(`kubectl describe quota all ${inside}`), /requests\.cpu +600m +1\n/);
      assert.match(
        await ok(`kubectl get quota all ${inside}`),
        /count\/secrets: 0\/9, pods: 1\/2, requests\.cpu: 600m\/1/,
      );
      await ok(`kubectl apply ${inside} -f -`, deployment("crowded"));
      await ok(`kubectl wait --for=condition=ReplicaFailure deploy/crowded ${inside} --timeout=60s`);
      assert.match(
        await ok(`kubectl get events ${inside} --field-selector=reason=FailedCreate`),
        /Error creating: pods "crowded-[a-z0-9]+-[a-z0-9]{5}" is forbidden: failed quota: all/,
      );
      await ok(`kubectl delete pod one ${inside} --now`);
      await ok(`kubectl wait --for=jsonpath='{.status.used.pods}'=0 quota/all ${inside} --timeout=60s`);
      await ok(`kubectl delete ns ${namespace}-quota --timeout=60s`);
    },
  },
  {
    command: "LimitRange (defaults, bounds), describe limits",
    async check({ ok, fails, namespace }) {
      const inside = `-n ${namespace}-limits`;
      await ok(`kubectl create ns ${namespace}-limits && kubectl apply ${inside} -f -`, limitRange);
      assert.match(
        await ok(`kubectl describe limits bounds ${inside}`),
        /Container +memory +- +1Gi +256Mi +512Mi/,
      );
      await ok(`kubectl run p ${inside} --image=busybox`);
      assert.match(
        await ok(`kubectl describe pod p ${inside}`),
        /Limits:\n +memory: +512Mi\n +Requests:\n +memory: +256Mi/,
      );
      const large =
        '{"spec":{"containers":[{"name":"c","image":"busybox","resources":{"limits":{"memory":"2Gi"}}}]}}';
      assert.match(
        await fails(`kubectl run large ${inside} --image=busybox --overrides='${large}'`),
        /pods "large" is forbidden: maximum memory usage per Container is 1Gi, but limit is 2Gi/,
      );
      await ok(`kubectl delete ns ${namespace}-limits --timeout=60s`);
    },
  },
  {
    command: "get pvc, pv, sc (claims are bound, files outlive their pods)",
    async check({ ok }) {
      assert.match(await ok("kubectl get sc"), /standard \(default\) +folder\.isthmus\.dev +Delete/);
      const run = async (command: string) => {
        await ok("kubectl apply -f -", claimAndPod(command));
        await ok("kubectl wait --for=jsonpath='{.status.phase}'=Succeeded pod/writer --timeout=60s");
        const log = await ok("kubectl logs writer");
        await ok("kubectl delete pod writer --now");
        return log;
      };
      await run("echo kept > $ISTHMUS_ROOT/data/file");
      assert.match(await ok("kubectl get pvc files"), /files +Bound +pvc-\S+ +1Gi +RWO +standard/);
      assert.match(await ok("kubectl get pv"), /pvc-\S+ +1Gi +RWO +Delete +Bound +\S+\/files +standard/);
      assert.equal(await run("cat $ISTHMUS_ROOT/data/file"), "kept\n");
      await ok("kubectl delete pvc files");
    },
  },
  {
    command: "create cronjob, create job --from=cronjob",
    async check({ ok }) {
      await ok("kubectl create cronjob yearly --image=busybox --schedule='0 0 1 1 *' -- true");
      assert.match(await ok("kubectl get cronjob yearly"), /yearly +0 0 1 1 \*/);
      await ok("kubectl create job now --from=cronjob/yearly");
      await ok("kubectl wait --for=condition=Complete job/now --timeout=60s");
      await ok("kubectl delete cronjob yearly --timeout=60s");
    },
  },
  {
    command: "events, get events",
    async check({ ok }) {
      assert.match(await ok("kubectl events --for deploy/web"), /ScalingReplicaSet +Deployment\/web/);
      assert.match(await ok("kubectl get events --sort-by=.lastTimestamp"), /Started container c/);
    },
  },
  {
    command: "top nodes, top pods (--containers, -l)",
    async check({ ok }) {
      const node = await ok("kubectl get node -o jsonpath='{.items[0].metadata.name}'");
      assert.match(await ok("kubectl top nodes"), new RegExp(`${node} +\\d+m +\\d+% +\\d+Mi +\\d+%`));
      assert.match(await ok("kubectl top pods"), /shell +\d+m +\d+Mi/);
      const containers = await ok("kubectl top pods --containers -l app=shell");
      assert.match(containers, /shell +main +\d+m +\d+Mi/);
      assert.match(containers, /shell +second +\d+m +\d+Mi/);
    },
  },
  {
    command: "certificate approve",
    async check({ ok, namespace }) {
      const request = await ok(
        "openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout r.pem -subj /O=a/CN=b 2>/dev/null | base64 -w0",
      );
      await ok(
        "kubectl create -f -",
        JSON.stringify({
          apiVersion: "certificates.k8s.io/v1",
          kind: "CertificateSigningRequest",
          metadata: { name: namespace },
          spec: { request, signerName: "example.com/none", usages: ["client auth"] },
        }),
      );
      assert.match(await ok(`kubectl certificate approve ${namespace}`), /approved/);
      assert.match(await ok(`kubectl get csr ${namespace}`), /Approved/);
    },
  },
];
