"""What each file of deploy/ runs the proxy with: arguments, variables and files, the probes that ask it, the apps beside it.

As a program it prints all of that as JSON: tests/it/deploy.rs has the real `azdb-proxy check` read it.
"""

import json
import re

import sources
import yaml
from sources import DEPLOY, ROOT

PASSWORDS = "app:only-for-this-check\n"


def is_ours(image):
    return re.search(r"/azdb-proxy:", image) is not None


def addresses(texts):
    """Where apps say that the proxy is."""
    return sorted({found for text in texts for found in re.findall(r"127\.0\.0\.1:\d+", text)})


def proxy(place, image="", args=(), env=None, files=None, probes=(), apps=(), doors=()):
    files = dict(files or {})
    # A Secret that is there already, and in no file of ours.
    for text in list(files.values()):
        for path in re.findall(r'^\s*app_password_file = "(.+)"', text, re.MULTILINE):
            files.setdefault(path, PASSWORDS)
        # For these words the test puts a certificate and its key.
        for key, path in re.findall(r'\b(cert|key)_file = "(.+?)"', text):
            files.setdefault(path, key.upper())
    return {
        "place": place,
        "image": image,
        "args": list(args),
        "env": env or {},
        "files": files,
        "probes": list(probes),
        "apps": list(apps),
        "doors": list(doors),
    }


def pod_of(document):
    spec = document.get("spec", {})
    return spec if document["kind"] == "Pod" else spec.get("template", {}).get("spec", {})


def mounted(container, pod, documents):
    """Files that a container finds, of the ConfigMaps and Secrets in the same place."""
    found = {}
    volumes = {volume["name"]: volume for volume in pod.get("volumes", [])}
    for mount in container.get("volumeMounts", []):
        volume = volumes[mount["name"]]
        kind, name = (
            ("ConfigMap", volume["configMap"]["name"])
            if "configMap" in volume
            else ("Secret", volume["secret"]["secretName"])
            if "secret" in volume
            else (None, None)
        )
        for document in documents:
            if document["kind"] == kind and document["metadata"]["name"] == name:
                texts = document.get("data") or document.get("stringData")
                found |= {f"{mount['mountPath']}/{key}": text for key, text in texts.items()}
    return found


def probes_of(container):
    ports = {port["name"]: port["containerPort"] for port in container.get("ports", [])}
    found = [container[probe]["httpGet"] for probe in ("startupProbe", "readinessProbe", "livenessProbe") if probe in container]
    return [{"path": probe["path"], "port": ports.get(probe["port"], probe["port"])} for probe in found]


def of_kubernetes():
    for place, documents in sources.kubernetes().items():
        for document in documents:
            pod = pod_of(document)
            containers = pod.get("initContainers", []) + pod.get("containers", [])
            for container in containers:
                words = container.get("command", []) + container.get("args", [])
                executed = words[:1] == ["azdb-proxy"]
                if not is_ours(container["image"]) and not executed:
                    continue
                health = [probe["port"] for probe in probes_of(container)]
                doors = [port["containerPort"] for port in container.get("ports", [])]
                beside = [str(variable.get("value")) for other in containers for variable in other.get("env", [])]
                yield proxy(
                    f"{place} {document['kind']}",
                    "" if executed else container["image"],
                    words[1:] if executed else words,
                    {variable["name"]: variable["value"] for variable in container.get("env", [])},
                    mounted(container, pod, documents),
                    probes_of(container),
                    addresses(beside),
                    [port for port in doors if port not in health],
                )


def of_container_apps(file):
    for app in file.of_type("Microsoft.App/containerApps"):
        containers = app["properties"]["template"]["containers"]
        texts = {
            container["name"]: {variable["name"]: file.text(variable["value"]) for variable in container.get("env", [])}
            for container in containers
        }
        for container in containers:
            if is_ours(file.text(container["image"])):
                yield proxy(
                    file.name,
                    file.text(container["image"]),
                    env=texts[container["name"]],
                    probes=[probe["httpGet"] for probe in container["probes"]],
                    apps=addresses(text for texts in texts.values() for text in texts.values()),
                )


def of_app_service(file):
    for site in file.of_type("Microsoft.Web/sites"):
        settings = site["properties"]["siteConfig"]["appSettings"]
        env = {setting["name"]: file.text(setting["value"]) for setting in settings}
        yield proxy(file.name, env=env, apps=["127.0.0.1:3306"] if env.get("DATABASE_HOST") == "127.0.0.1" else [])


def of_cloud_init():
    for path in sorted(DEPLOY.glob("vm/*.yaml")):
        files = {file["path"]: file["content"] for file in yaml.safe_load(path.read_text())["write_files"]}
        yield proxy(str(path.relative_to(ROOT)), args=["--config", "/etc/azdb-proxy/proxy.toml"], files=files)


def of_compose():
    """The one at the top of the project is run by a test of its own."""
    path = DEPLOY / "compose/docker-compose.yml"
    compose = yaml.safe_load(path.read_text())
    secrets = {f"/run/secrets/{name}": (path.parent / secret["file"]).read_text() for name, secret in compose["secrets"].items()}
    yield proxy(str(path.relative_to(ROOT)), env=compose["services"]["proxy"]["environment"], files=secrets)


def of_texts():
    """Routes that stand in a page or a comment for the reader to copy."""
    for path in [ROOT / "README.md", *sorted(ROOT.glob("docs/*.md")), *sorted(DEPLOY.rglob("*.*"))]:
        text = path.read_text()
        name = str(path.relative_to(ROOT))
        for url in re.findall(r"'((?:postgres|mysql|tds)://[^'\s$]+\.(?:azure\.com|windows\.net)[^'\s$]*)'", text):
            yield proxy(f"{name}: {url}", args=[url])


def all_of_them():
    yield from of_kubernetes()
    for file in sources.bicep():
        yield from of_container_apps(file)
        yield from of_app_service(file)
    yield from of_cloud_init()
    yield from of_compose()
    yield from of_texts()


if __name__ == "__main__":
    print(json.dumps(list(all_of_them())))
