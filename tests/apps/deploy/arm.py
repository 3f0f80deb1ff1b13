"""Checks what a Bicep file says of a resource against the shapes in Microsoft's own libraries for Azure's resource manager.

The compiler of Bicep cannot be had from a package registry. This sees a misspelt or missing property, a wrong kind of value, an
unknown word and a number out of its bounds; it does not see functions, scopes or what only Azure knows.
"""

import re
import typing

import typing_extensions
from azure.mgmt.appcontainers import models as app_models
from azure.mgmt.appcontainers import types as app_types
from azure.mgmt.web import models as web_models
from azure.mgmt.web import types as web_types

SHAPES = {
    "Microsoft.App/containerApps": (app_types.ContainerApp, app_types, app_models),
    "Microsoft.Web/sites": (web_types.Site, web_types, web_models),
    "Microsoft.Web/sites/sitecontainers": (web_types.SiteContainer, web_types, web_models),
}
# What Bicep has on every resource, and the libraries on some.
ON_EVERY_RESOURCE = {"parent", "name", "location", "kind", "identity", "tags", "dependsOn", "scope"}
BOUNDS = re.compile(r"(Minimum|Maximum)\s+value\s+is\s+(\d+)")


class Shapes:
    def __init__(self, types, models, problems):
        self.names = vars(models) | vars(types)
        self.problems = problems

    def check(self, shape, value, where):
        origin = typing.get_origin(shape)
        if origin is typing.Union:
            return self.check_one_of(typing.get_args(shape), value, where)
        if origin is list:
            if not isinstance(value, list):
                return self.problems.append(f"{where}: is not a list")
            for index, item in enumerate(value):
                self.check(typing.get_args(shape)[0], item, f"{where}[{index}]")
        elif typing_extensions.is_typeddict(shape):
            self.check_table(shape, value, where)
        elif shape in (str, int, float, bool) and not isinstance(value, (shape, dict)):
            # A dict is an expression, and a text may be the name of one.
            if not isinstance(value, str):
                self.problems.append(f"{where}: {value!r} is not of type {shape.__name__}")

    def check_one_of(self, shapes, value, where):
        words = [shape for shape in shapes if isinstance(shape, type) and hasattr(shape, "__members__")]
        if words and isinstance(value, str):
            known = [member.value.lower() for member in words[0]]
            if value.lower() not in known:
                self.problems.append(f"{where}: {value!r} is not one of {', '.join(known)}")
        elif len(shapes) == 2 and type(None) in shapes:
            self.check(shapes[0], value, where)

    def check_table(self, shape, table, where):
        if not isinstance(table, dict):
            return self.problems.append(f"{where}: is not a table")
        hints = typing_extensions.get_type_hints(shape, self.names)
        said = self.bounds(shape)
        for key, value in table.items():
            if key not in hints:
                self.problems.append(f"{where}: unknown property {key}")
                continue
            self.check(hints[key], value, f"{where}.{key}")
            low, high = said.get(key, (None, None))
            if isinstance(value, int) and (low is not None and value < low or high is not None and value > high):
                self.problems.append(f"{where}.{key}: {value} is not within {low} and {high}")
        for key in shape.__required_keys__ - table.keys():
            self.problems.append(f"{where}: {key} is missing")

    def bounds(self, shape):
        """Bounds stand in words only, in the libraries' description of each property."""
        found = {}
        for part in re.split(r":ivar ", shape.__doc__ or "")[1:]:
            key = part.split(":")[0]
            numbers = {kind: int(number) for kind, number in BOUNDS.findall(part)}
            found[key] = (numbers.get("Minimum"), numbers.get("Maximum"))
        return found


def problems_of(file):
    problems = []
    for name, resource in file.resources.items():
        if resource["existing"] or resource["type"] not in SHAPES:
            continue
        shape, types, models = SHAPES[resource["type"]]
        shapes = Shapes(types, models, problems)
        properties = typing_extensions.get_type_hints(shape, shapes.names)["properties"]
        for key in resource["config"].keys() - ON_EVERY_RESOURCE - {"properties"}:
            problems.append(f"{file.name}: {name}: unknown property {key}")
        shapes.check(properties, resource["config"]["properties"], f"{file.name}: {name}")
    return problems


def check_self():
    """The check can fail, and sees what it is for."""
    wrong = {
        "environmentId": "x",
        "configuration": {"identitySettings": [{"identity": "x", "lifecycle": "Never"}], "ingres": {}},
        "template": {"containers": [{"probes": [{"type": "Startup", "failureThreshold": 60}], "env": {}}]},
    }
    problems = []
    shapes = Shapes(app_types, app_models, problems)
    shapes.check(typing_extensions.get_type_hints(app_types.ContainerApp, shapes.names)["properties"], wrong, "x")
    for part in ("lifecycle: 'Never'", "unknown property ingres", "60 is not within", "env: is not a list"):
        assert any(part in problem for problem in problems), (part, problems)
