"""Reads the files of deploy/: YAML documents, a rendered chart, Bicep."""

import pathlib
import re
import shutil
import tempfile

import helm_python
import pycep
import yaml

ROOT = pathlib.Path(__file__).resolve().parents[3]
DEPLOY = ROOT / "deploy"
CHART = DEPLOY / "helm/azdb-proxy"

# A pod of another chart that takes the sidecar from ours, as its _sidecar.tpl says.
OTHER_CHART = """
apiVersion: v1
kind: Pod
metadata:
  name: other
spec:
  initContainers:
    {{- include "azdb-proxy.sidecar" (dict
          "image" "registry.example.org/azdb-proxy:0.1.0"
          "routes" (list "postgres://a@one.postgres.database.azure.com" "tds://two.database.windows.net")) | nindent 4 }}
  containers:
    - name: other
      image: registry.example.org/other:1.0.0
  volumes:
    - name: azdb-proxy
      emptyDir: {}
"""


def documents(text):
    return [document for document in yaml.safe_load_all(text) if document]


def rendered_chart():
    """What the chart makes by default, and what another chart makes of its sidecar."""
    with helm_python.Chart.load(CHART) as chart:
        rendered = chart.render(name="databases", namespace="databases")
    with tempfile.TemporaryDirectory() as scratch:
        other = pathlib.Path(scratch, "other")
        (other / "templates").mkdir(parents=True)
        shutil.copy(CHART / "templates/_sidecar.tpl", other / "templates")
        (other / "templates/pod.yaml").write_text(OTHER_CHART)
        (other / "Chart.yaml").write_text("apiVersion: v2\nname: other\nversion: 0.1.0\n")
        with helm_python.Chart.load(other) as chart:
            rendered |= chart.render(name="other", namespace="default")
    return {f"helm {name}": documents(text) for name, text in rendered.items() if text.strip()}


def kubernetes():
    """Every Kubernetes document, by the file that it stands in."""
    files = {str(path.relative_to(ROOT)): documents(path.read_text()) for path in sorted(DEPLOY.glob("kubernetes/*.yaml"))}
    return files | rendered_chart()


class Bicep:
    """A Bicep file, and what is known of its values without Azure."""

    def __init__(self, path):
        self.path = path
        self.name = str(path.relative_to(ROOT))
        parsed = pycep.BicepParser().parse(text=path.read_text())
        self.resources = parsed.get("resources", {})
        self.modules = parsed.get("modules", {})
        self.known = {name: value.get("default") for name, value in parsed.get("parameters", {}).items()}
        self.known |= {name: value["value"] for name, value in parsed.get("variables", {}).items()}

    def text(self, value):
        """A text as it will be: parameters by their defaults, what only Azure knows as an id."""
        if not isinstance(value, str):
            return "00000000-0000-0000-0000-000000000000"
        value = self.known.get(value, value)
        return re.sub(r"\$\{(\w+)\}", lambda found: str(self.known[found.group(1)]), value)

    def of_type(self, kind):
        """Resources of a type that the file makes."""
        found = self.resources.values()
        return [resource["config"] for resource in found if resource["type"] == kind and not resource["existing"]]


def bicep():
    return [Bicep(path) for path in sorted(DEPLOY.rglob("*.bicep"))]
