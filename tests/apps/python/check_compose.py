"""Checks a compose file's syntax, and that what it speaks of is there. Prints what it read as JSON."""

import json
import pathlib
import re
import sys

import yaml

# The keys that our file uses and what they hold, in the words of the Compose specification.
SERVICE = {
    "build": dict,
    "command": list,
    "depends_on": dict,
    "environment": dict,
    "healthcheck": dict,
    "image": str,
    "network_mode": str,
    "secrets": list,
    "volumes": list,
}
BUILD = {"context": str, "dockerfile": str, "target": str}
HEALTHCHECK = {"test": list, "interval": str, "retries": int}
CONDITIONS = {"service_started", "service_healthy", "service_completed_successfully"}


class Unique(yaml.SafeLoader):
    """A key twice in one mapping is a mistake that YAML libraries let pass."""

    def construct_mapping(self, node, deep=False):
        keys = [self.construct_object(key) for key, _ in node.value]
        assert len(keys) == len(set(keys)), f"a key twice among {keys}"
        return super().construct_mapping(node, deep)


def check(table, schema, where):
    for key, value in table.items():
        assert key in schema, f"{where}: unknown key {key}"
        assert isinstance(value, schema[key]), f"{where}.{key}: is not a {schema[key].__name__}"


def is_watched(service, root):
    """Whether a service's health is asked for: by the file, or by the stage of its image."""
    if "healthcheck" in service:
        return True
    build = service.get("build", {"dockerfile": "/dev/null", "context": ".", "target": ""})
    stages = re.split(r"^FROM ", (root / build["context"] / build["dockerfile"]).read_text(), flags=re.MULTILINE)
    return any(re.match(rf"\S+ AS {build['target']}$", stage, re.MULTILINE) and "\nHEALTHCHECK " in stage for stage in stages)


def check_service(name, service, compose, root):
    check(service, SERVICE, name)
    assert ("build" in service) != ("image" in service), f"{name}: build or image"
    if build := service.get("build"):
        check(build, BUILD, f"{name}.build")
        dockerfile = (root / build["context"] / build["dockerfile"]).read_text()
        stages = re.findall(r"^FROM \S+ AS (\S+)$", dockerfile, re.MULTILINE)
        assert build["target"] in stages, f"{name}: no stage {build['target']} in {stages}"
    for word in service.get("command", []) + list(service.get("environment", {}).values()):
        assert isinstance(word, str), f"{name}: {word} is not text"
    check(service.get("healthcheck", {}), HEALTHCHECK, f"{name}.healthcheck")
    for other, how in service.get("depends_on", {}).items():
        assert other in compose["services"], f"{name}: depends on {other}"
        assert how["condition"] in CONDITIONS, f"{name}: condition {how['condition']}"
        if how["condition"] == "service_healthy":
            assert is_watched(compose["services"][other], root), f"{other}: has no healthcheck"
    if mode := service.get("network_mode"):
        kind, other = mode.split(":")
        assert kind == "service" and other in compose["services"], f"{name}: {mode}"
    for volume in service.get("volumes", []):
        assert volume.split(":")[0] in compose["volumes"], f"{name}: volume {volume}"
    for secret in service.get("secrets", []):
        assert (root / compose["secrets"][secret]["file"]).is_file(), f"{name}: secret {secret}"


def main():
    path = pathlib.Path(sys.argv[1])
    compose = yaml.load(path.read_text(), Unique)
    check(compose, {"services": dict, "volumes": dict, "secrets": dict}, path.name)
    for name, service in compose["services"].items():
        check_service(name, service, compose, path.parent)
    print(json.dumps(compose))


main()
