"""Checks deploy/ with the linters and schemas that there are for each kind of file. scripts/check-deploy runs it.

What the proxy makes of the configurations in it is the business of tests/it/deploy.rs.
"""

import pathlib
import re
import shutil
import subprocess
import sys
import tomllib

import arm
import helm_python
import kubernetes_validate
import proxies
import sources
from sources import CHART, DEPLOY, ROOT

KUBERNETES = "1.34"
PROBLEMS = []
TOOLS = pathlib.Path(sys.executable).parent
YAMLLINT = "{extends: default, rules: {line-length: disable, document-start: disable, comments: {require-starting-space: false, min-spaces-from-content: 1}, \
comments-indentation: disable, octal-values: disable, brackets: {forbid: false}}}"
# How far `systemd-analyze security` may find the service exposed, of 100. What it finds is told in docs/deploy.md.
EXPOSED = 15


def said_by(*words):
    return subprocess.run([str(word) for word in words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=ROOT)


def passes(what, *words):
    """Runs a linter; what it says when it is not content is a problem."""
    result = said_by(*words)
    if result.returncode:
        PROBLEMS.append(f"{what}: {result.stdout.strip()}")


def skipped(what, why):
    print(f"check-deploy: NOT CHECKED: {what}: {why}", file=sys.stderr)


def check_yaml():
    # Templates are no YAML before they are rendered; what they become is checked below.
    files = [path for path in [*DEPLOY.rglob("*.yaml"), *DEPLOY.rglob("*.yml")] if "templates" not in path.parts]
    passes("yamllint", TOOLS / "yamllint", "--strict", "-d", YAMLLINT, *files)


def check_kubernetes():
    for place, documents in sources.kubernetes().items():
        for document in documents:
            try:
                kubernetes_validate.validate(document, KUBERNETES, strict=True)
            except (kubernetes_validate.ValidationError, kubernetes_validate.SchemaNotFoundError) as error:
                PROBLEMS.append(f"{place}: {document['kind']}: {error}")


def check_chart():
    report = helm_python.lint(CHART, strict=True)
    for message in report["messages"]:
        if message["severity"] > 1:
            PROBLEMS.append(f"helm: {message['path']}: {message['error']}")
    PROBLEMS.extend(f"helm: {error}" for error in report["errors"])
    version = tomllib.loads((ROOT / "Cargo.toml").read_text())["workspace"]["package"]["version"]
    with helm_python.Chart.load(CHART) as chart:
        if (chart.metadata["version"], chart.metadata["appVersion"]) != (version, version):
            PROBLEMS.append(f"helm: Chart.yaml: is not of version {version}")
        for wrong in ({"replicas": 0}, {"port": 5432}, {"ports": {"postgres": "5432"}}):
            try:
                chart.validate_schema(wrong)
                PROBLEMS.append(f"helm: values.schema.json lets {wrong} pass")
            except helm_python.HelmError:
                pass
    for proxy in proxies.all_of_them():
        if proxy["image"] and proxy["image"] != f"registry.example.org/azdb-proxy:{version}":
            PROBLEMS.append(f"{proxy['place']}: the image is {proxy['image']}")


def check_probes():
    """Whoever is asked for its health listens there."""
    for proxy in proxies.all_of_them():
        said = proxy["env"].get("AZDB_PROXY_HEALTH_LISTEN", "")
        for text in proxy["files"].values():
            said += "".join(re.findall(r"\[health\]\s+listen = \"(.*)\"", text))
        for probe in proxy["probes"]:
            if said != f"0.0.0.0:{probe['port']}":
                PROBLEMS.append(f"{proxy['place']}: asks port {probe['port']}, and health is at {said or 'nowhere'}")


def check_bicep():
    arm.check_self()
    for file in sources.bicep():
        PROBLEMS.extend(arm.problems_of(file))
        for name, module in file.modules.items():
            path = file.path.parent / module["detail"]["path"]
            if not path.exists():
                PROBLEMS.append(f"{file.name}: module {name}: there is no {path.name}")
            elif unknown := module["config"]["params"].keys() - sources.Bicep(path).known.keys():
                PROBLEMS.append(f"{file.name}: module {name}: unknown parameters {unknown}")


def check_cloud_init():
    if shutil.which("cloud-init"):
        passes("cloud-init", "cloud-init", "schema", "--config-file", DEPLOY / "vm/cloud-init.yaml")
    else:
        skipped("deploy/vm", "no cloud-init (apt-get install cloud-init)")


def check_units():
    if not shutil.which("systemd-analyze"):
        return skipped("deploy/systemd", "no systemd-analyze (apt-get install systemd)")
    version = int(re.search(r"systemd (\d+)", said_by("systemd-analyze", "--version").stdout).group(1))
    units = sorted(DEPLOY.rglob("systemd/**/*.s*"))
    said = said_by("systemd-analyze", "verify", "--man=no", "--recursive-errors=no", *units)
    for line in said.stdout.splitlines():
        # The program is not installed here; and 253 was the first to know notify-reload, as the unit says.
        old = version < 253 and line.endswith("Failed to parse service type, ignoring: notify-reload")
        if not old and "Command /usr/bin/azdb-proxy is not executable" not in line:
            PROBLEMS.append(f"systemd-analyze verify: {line}")
    service = DEPLOY / "systemd/azdb-proxy.service"
    passes("systemd-analyze security", "systemd-analyze", "security", "--offline=yes", f"--threshold={EXPOSED}", "--no-pager", service)


def check_packages():
    """Deb and RPM hold the same files, and those that nobody builds are there."""
    crate = ROOT / "crates/azdb-proxy"
    metadata = tomllib.loads((crate / "Cargo.toml").read_text())["package"]["metadata"]
    deb = {str((crate / source).resolve()) if source.startswith("..") else str(ROOT / source) for source, *_ in metadata["deb"]["assets"]}
    deb |= {str(DEPLOY / "systemd/azdb-proxy.service")}
    rpm = {str(ROOT / asset["source"]) for asset in metadata["generate-rpm"]["assets"] if "licenses" not in asset["dest"]}
    for source in sorted(deb ^ rpm):
        PROBLEMS.append(f"packages: {source} is in one of deb and rpm alone")
    for source in deb | rpm:
        if "/target/" not in source and not pathlib.Path(source).exists():
            PROBLEMS.append(f"packages: there is no {source}")


def main():
    check_packages()
    check_yaml()
    passes("hadolint", TOOLS / "hadolint", "--no-color", *DEPLOY.glob("docker/Dockerfile"))
    check_kubernetes()
    check_chart()
    check_probes()
    check_bicep()
    check_cloud_init()
    check_units()
    for problem in PROBLEMS:
        print(f"check-deploy: {problem}", file=sys.stderr)
    return 1 if PROBLEMS else 0


sys.exit(main())
