import assert from "node:assert/strict";
import { admissionPolicy, deployment, describedDefinition, webManifests } from "./fixtures.ts";
import { foreignKinds, guideManifests } from "./guide-manifests.ts";
import type { KubectlCheck } from "./kubectl-check.ts";

const configMap = (name: string, value: string, labels = "{}") =>
  `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: ${name}, labels: ${labels}}\ndata: {a: "${value}"}\n`;

/** What kubectl does with objects: writing, reading, deleting. */
export const objectChecks: readonly KubectlCheck[] = [
  {
    command: "apply",
    everywhere: true,
    async check({ ok }) {
      assert.match(await ok("kubectl apply -f -", deployment("applied")), /applied created/);
      assert.match(await ok("kubectl apply -f -", deployment("applied")), /applied unchanged/);
      assert.match(await ok("kubectl apply -f -", deployment("applied", "busybox")), /applied configured/);
      assert.match(await ok("kubectl apply view-last-applied deploy/applied"), /image: busybox/);
      await ok("kubectl delete deploy applied");
    },
  },
  {
    command: "apply --server-side",
    everywhere: true,
    async check({ ok, fails }) {
      await ok("kubectl apply -f -", configMap("owned", "1"));
      assert.match(
        await ok("kubectl apply --server-side -f -", configMap("owned", "1")),
        /serverside-applied/,
      );
      const other = "kubectl apply --server-side --field-manager=other -f -";
      assert.match(await fails(other, configMap("owned", "2")), /conflict with "kubectl": \.data\.a/);
      await ok(`${other} --force-conflicts`, configMap("owned", "2"));
      const managers =
        "kubectl get cm owned --show-managed-fields -o jsonpath='{.metadata.managedFields[*].manager}'";
      const names = (await ok(managers)).split(" ");
      assert.ok(names.includes("other") && !names.includes("kubectl-client-side-apply"), names.join());
    },
  },
  {
    command: "apply --dry-run=server",
    async check({ ok }) {
      assert.match(await ok("kubectl apply --dry-run=server -f -", configMap("dry", "1")), /server dry run/);
      assert.equal(await ok("kubectl get cm dry --ignore-not-found"), "");
    },
  },
  {
    command: "apply --prune",
    async check({ ok }) {
      const labelled = (name: string) => configMap(name, "1", "{set: pruned}");
      await ok("kubectl apply -f -", `${labelled("kept")}---\n${labelled("gone")}`);
      const said = await ok(
        "kubectl apply --prune -l set=pruned --prune-allowlist=core/v1/ConfigMap -f -",
        labelled("kept"),
      );
      assert.match(said, /configmap\/gone pruned/);
    },
  },
  {
    command: "apply -k, diff -k, delete -k",
    async check({ ok, fails, file }) {
      file("kustomization.yaml", "namePrefix: k-\nconfigMapGenerator: [{name: made, literals: [a=b]}]\n");
      assert.match(await fails("kubectl diff -k ."), /\+kind: ConfigMap/);
      assert.match(await ok("kubectl apply -k ."), /configmap\/k-made-\w+ created/);
      assert.equal(await ok("kubectl diff -k ."), "");
      assert.match(await ok("kubectl delete -k ."), /deleted/);
    },
  },
  {
    command: "apply of the guides' manifests, from standard input",
    guide: "GUIDE-05",
    async check({ ok }) {
      for (const manifests of Object.values(guideManifests)) {
        const applied = await ok(`kubectl apply -f - <<'EOF'\n${manifests}\nEOF`);
        const objects = manifests.split(/^kind: /m).length - 1;
        assert.equal(applied.match(/ created$/gm)?.length, objects, applied);
        await ok("kubectl delete --wait=false -f -", manifests);
      }
    },
  },
  {
    command: "apply of kinds that are not served",
    guide: "GUIDE-05",
    everywhere: true,
    async check({ fails }) {
      for (const [apiVersion, kind] of foreignKinds)
        assert.match(
          await fails(
            "kubectl apply -f -",
            `apiVersion: ${apiVersion}\nkind: ${kind}\nmetadata: {name: c}\n`,
          ),
          new RegExp(`no matches for kind "${kind}" in version "${apiVersion}"`),
        );
    },
  },
  {
    command: "apply of an object that breaks a rule of its definition",
    async check({ fails }) {
      const entry = {
        apiVersion: "networking.istio.io/v1",
        kind: "ServiceEntry",
        metadata: { name: "broken" },
        spec: {
          hosts: ["a.com"],
          ports: [80, 80].map((number, i) => ({ number, name: `p${i}`, protocol: "HTTP" })),
        },
      };
      assert.match(
        await fails("kubectl apply -f -", JSON.stringify(entry)),
        /port number cannot be duplicated/,
      );
    },
  },
  {
    command: "apply of an object that a ValidatingAdmissionPolicy denies, or warns of",
    async check({ ok, fails, namespace }) {
      await ok("kubectl apply -f -", admissionPolicy(namespace));
      try {
        const denied = await fails("kubectl scale deploy web --replicas=9");
        assert.match(denied, /denied request: at most 5 replicas/);
        assert.match(
          await fails("kubectl apply -f -", webManifests.replace("replicas: 1", "replicas: 9")),
          /ValidatingAdmissionPolicy 'few-replicas' with binding 'few-replicas' denied request: at most 5 replicas/,
        );
        await ok(
          `kubectl patch validatingadmissionpolicybinding few-replicas -p '{"spec":{"validationActions":["Warn"]}}'`,
        );
        assert.match(
          await ok("kubectl apply --dry-run=server -f -", webManifests.replace("replicas: 1", "replicas: 9")),
          /Warning: Validation failed for ValidatingAdmissionPolicy 'few-replicas'.*: at most 5 replicas/,
        );
      } finally {
        await ok(
          "kubectl delete validatingadmissionpolicybinding/few-replicas validatingadmissionpolicy/few-replicas",
        );
      }
    },
  },
  {
    command: "diff",
    everywhere: true,
    async check({ ok, fails }) {
      assert.equal(await ok("kubectl diff -f -", webManifests), "");
      const changed = webManifests.replace("replicas: 1", "replicas: 2");
      assert.match(await fails("kubectl diff -f -", changed), /-\s+replicas: 1\n\+\s+replicas: 2/);
    },
  },
  {
    command: "edit",
    everywhere: true,
    async check({ ok }) {
      await ok("kubectl create cm edited --from-literal=a=before");
      assert.match(await ok("EDITOR='sed -i s/before/after/' kubectl edit cm edited"), /edited/);
      assert.equal(await ok("kubectl get cm edited -o jsonpath={.data.a}"), "after");
      assert.match(await ok("EDITOR=true kubectl edit cm edited"), /no changes made/);
    },
  },
  {
    command: "patch (strategic, merge, json)",
    everywhere: true,
    async check({ ok, fails }) {
      await ok("kubectl apply -f -", deployment("patched"));
      await ok(
        `kubectl patch deploy patched -p '{"spec":{"template":{"spec":{"containers":[{"name":"c","env":[{"name":"A","value":"1"}]}]}}}}'`,
      );
      await ok(`kubectl patch deploy patched --type=merge -p '{"metadata":{"labels":{"x":"y"}}}'`);
      await ok(
        `kubectl patch deploy patched --type=json -p '[{"op":"add","path":"/spec/paused","value":true}]'`,
      );
      const shown = await ok(
        "kubectl get deploy patched -o jsonpath='{.spec.template.spec.containers[0].env[0].name} {.metadata.labels.x} {.spec.paused}'",
      );
      assert.equal(shown, "A y true");
      const tested = `kubectl patch deploy patched --type=json -p '[{"op":"test","path":"/spec/paused","value":false}]'`;
      assert.match(await fails(tested), /The request is invalid: the server rejected our request/);
      await ok(`kubectl patch deploy patched --subresource=scale --type=merge -p '{"spec":{"replicas":2}}'`);
      await ok("kubectl delete deploy patched");
    },
  },
  {
    command: "replace",
    async check({ ok }) {
      await ok("kubectl create -f -", configMap("replaced", "1"));
      assert.match(await ok("kubectl replace -f -", configMap("replaced", "2")), /replaced/);
      assert.match(
        await ok("kubectl replace --force -f -", configMap("replaced", "3")),
        /deleted[\s\S]*replaced/,
      );
    },
  },
  {
    command: "label, annotate",
    async check({ ok, fails }) {
      await ok("kubectl label svc web tier=one");
      assert.match(await fails("kubectl label svc web tier=two"), /--overwrite is false/);
      await ok("kubectl label svc web tier=two --overwrite && kubectl label svc web tier-");
      await ok("kubectl annotate svc web note=x && kubectl annotate svc -l app=web note-");
    },
  },
  {
    command: "create (every kind that it knows)",
    async check({ ok, namespace }) {
      const key =
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout k.pem -out c.pem -subj /CN=x -days 3";
      await ok(`${key} 2>&1`);
      for (const what of [
        `namespace ${namespace}-more`,
        "configmap c-made --from-literal=a=b",
        "secret generic s-made --from-literal=a=b",
        "secret tls s-tls --cert=c.pem --key=k.pem",
        "secret docker-registry s-registry --docker-username=u --docker-password=p",
        "serviceaccount robot",
        "role reader --verb=get,list --resource=pods,deployments.apps",
        `rolebinding reader --role=reader --serviceaccount=${namespace}:robot`,
        `clusterrole ${namespace} --verb=get --non-resource-url=/x`,
        `clusterrolebinding ${namespace} --clusterrole=${namespace} --group=g`,
        "quota q --hard=pods=100",
        "poddisruptionbudget budget --selector=app=nothing --min-available=1",
        `priorityclass ${namespace} --value=10`,
        "cronjob cron --image=busybox --schedule='0 0 1 1 *' -- echo hi",
        "job once --image=busybox -- echo hi",
        "job from --from=cronjob/cron",
        "deployment d-made --image=busybox",
        "ingress i-made --rule=example.com/*=web:5000",
        "service clusterip s-ip --tcp=80:80",
        "service nodeport s-node --tcp=80:80",
        "service loadbalancer s-lb --tcp=80:80",
        "service externalname s-name --external-name=example.com",
      ])
        assert.match(await ok(`kubectl create ${what}`), / created\n/);
      assert.match(await ok("kubectl create token robot --duration=10m"), /^[\w-]+\.[\w-]+\.[\w-]+\s*$/);
      await ok("kubectl wait --for=condition=Complete job/once job/from --timeout=60s");
      assert.equal(
        await ok(`kubectl auth can-i list pods --as=system:serviceaccount:${namespace}:robot`),
        "yes\n",
      );
      await ok(`kubectl delete ns ${namespace}-more --wait=false; kubectl delete deploy d-made`);
    },
  },
  {
    command: "delete --cascade, --wait, --grace-period",
    async check({ ok, fails }) {
      const make = () =>
        ok("kubectl apply -f - && kubectl rollout status deploy/gone --timeout=60s", deployment("gone"));
      await make();
      await ok("kubectl delete deploy gone --cascade=orphan");
      assert.match(await ok("kubectl get rs,pods -l app=gone -o name"), /replicaset[\s\S]*pod/);
      await ok("kubectl delete rs -l app=gone --cascade=foreground --wait --timeout=60s");
      assert.equal(await ok("kubectl get pods -l app=gone -o name"), "");
      await make();
      await ok("kubectl delete deploy gone --cascade=background --wait=false");
      await ok("kubectl wait --for=delete pod -l app=gone --timeout=60s || true");
      await ok("kubectl run quick --image=busybox --restart=Never -- sleep infinity");
      assert.match(await ok("kubectl delete pod quick --grace-period=0 --force"), /force deleted/);
      assert.match(await fails("kubectl delete pod quick"), /pods "quick" not found/);
    },
  },
  {
    command: "get (wide, yaml, json, jsonpath, templates, columns, selectors)",
    everywhere: true,
    async check({ ok }) {
      assert.match(await ok("kubectl get pods -o wide"), /^NAME +READY +STATUS +RESTARTS +AGE +IP +NODE/);
      assert.match(
        await ok("kubectl get pods,svc,deploy"),
        /pod\/shell[\s\S]*service\/web[\s\S]*deployment.apps\/web/,
      );
      assert.match(await ok("kubectl get all -l app=web"), /replicaset.apps\/web-/);
      assert.match(await ok("kubectl get svc web -o yaml"), /^apiVersion: v1\nkind: Service/);
      assert.equal(JSON.parse(await ok("kubectl get svc web -o json")).kind, "Service");
      assert.equal(await ok("kubectl get svc web -o go-template='{{.metadata.name}}'"), "web");
      assert.equal(
        await ok("kubectl get deploy web -o custom-columns=N:.metadata.name --no-headers"),
        "web\n",
      );
      assert.match(await ok("kubectl get pods --show-labels -L app"), /APP +LABELS[\s\S]*shell +app=shell/);
      assert.match(
        await ok("kubectl get pods --field-selector=status.phase=Running,metadata.name=shell"),
        /shell/,
      );
      assert.match(await ok("kubectl get pods -A --chunk-size=2"), /istio-system/);
      assert.match(await ok("kubectl get deploy web --subresource=scale"), /DESIRED +AVAILABLE/);
    },
  },
  {
    command: "get --sort-by",
    everywhere: true,
    async check({ ok, fails }) {
      assert.match(await ok("kubectl get pods --sort-by=.metadata.name"), /shell[\s\S]*web-/);
      assert.match(await ok("kubectl get svc -A --sort-by=.metadata.creationTimestamp"), /kubernetes/);
      // Kubectl cannot sort tables of several kinds, whatever the server answers (kubernetes/kubernetes#104318).
      assert.match(await fails("kubectl get deploy,svc --sort-by=.metadata.name"), /couldn't find any field/);
      assert.match(await ok("kubectl get deploy,svc --sort-by=.metadata.name -o name"), /web/);
    },
  },
  {
    command: "get --watch",
    async check({ ok }) {
      const said = await ok(
        "(timeout 20 kubectl get cm --watch -o name & echo $! > pid) > seen & sleep 0.5; kubectl create cm watched; until grep -q watched seen; do sleep 0.05; done; kill $(cat pid); cat seen",
      );
      assert.match(said, /configmap\/watched/);
    },
  },
  {
    command: "describe",
    async check({ ok, namespace }) {
      for (const [what, wanted] of [
        ["pod -l app=web", /Controlled By: +ReplicaSet\/web-[\s\S]*Ready +True[\s\S]*Events:[\s\S]*Started/],
        ["deploy web", /Replicas: +1 desired \| 1 updated \| 1 total \| 1 available/],
        ["svc web", /Endpoints: +127\.\d+\.\d+\.\d+:5000/],
        ["node", /Non-terminated Pods:[\s\S]*Allocated resources:/],
        [`ns ${namespace}`, /Status: +Active/],
        ["ingress i-made", /example.com/],
        ["secret s-made", /a: +1 bytes/],
        ["sa robot", /Name: +robot/],
        ["role reader", /deployments.apps +\[\] +\[\] +\[get list\]/],
        ["job once", /Pods Statuses: +0 Active.* 1 Succeeded/],
        ["cronjob cron", /Schedule: +0 0 1 1 \*/],
      ] as const)
        assert.match(await ok(`kubectl describe ${what}`), wanted);
    },
  },
  {
    command: "explain",
    async check({ ok, fails }) {
      assert.match(await ok("kubectl explain deploy.spec.replicas"), /replicas\S*\s+<integer>/);
      assert.match(await ok("kubectl explain vs.spec.http"), /http\S*\s+<\[\]Object>/);
      assert.match(await ok("kubectl explain pod --recursive"), /containers\s+<\[\]Container>/);
      assert.match(await fails("kubectl explain pod.nothing"), /field "nothing" does not exist/);
      await ok("kubectl apply -f -", describedDefinition);
      await ok("kubectl wait --for=condition=Established crd/postcards.example.com --timeout=60s");
      assert.match(await ok("kubectl explain postcard.spec.to"), /Who gets the card\./);
      await ok("kubectl delete crd postcards.example.com");
    },
  },
  {
    command: "api-resources, api-versions, cluster-info, version",
    everywhere: true,
    async check({ ok }) {
      assert.match(await ok("kubectl api-resources"), /^virtualservices +vs +networking.istio.io\/v1 +true/m);
      assert.equal(
        await ok("kubectl api-resources --api-group=batch --namespaced -o name"),
        "cronjobs.batch\njobs.batch\n",
      );
      assert.match(await ok("kubectl api-versions"), /^apps\/v1$/m);
      assert.match(await ok("TERM=dumb kubectl cluster-info"), /control plane\S* is running at/);
      assert.match(await ok("kubectl version 2>&1"), /Server Version: /);
      assert.equal(await ok("kubectl get --raw /readyz"), "ok");
    },
  },
  {
    command: "auth can-i",
    async check({ ok, fails }) {
      assert.equal(await ok("kubectl auth can-i create pods"), "yes\n");
      assert.match(await fails("kubectl auth can-i create pods --as=nobody"), /no/);
      assert.match(await ok("kubectl auth can-i --list"), /\*\.\*/);
    },
  },
  {
    command: "auth whoami",
    everywhere: true,
    // Older ones ask for a beta version that clusters serve only when told to.
    since: "1.28",
    async check({ ok }) {
      assert.match(await ok("kubectl auth whoami"), /system:masters/);
    },
  },
];
