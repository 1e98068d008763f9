"""Container files agree with the program: options, port, user, paths."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

CONTAINER = Path(__file__).parents[2] / "vlmtui" / "web" / "container"


def documents(name: str) -> dict[str, Any]:
    """The documents of a YAML file by their kind."""
    return {each["kind"]: each for each in yaml.safe_load_all((CONTAINER / name).read_text("utf-8"))}


def test_the_manifest_runs_what_the_dockerfile_makes() -> None:
    found = documents("kubernetes.yaml")
    assert set(found) == {"PersistentVolumeClaim", "Deployment", "Service"}
    pod = found["Deployment"]["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    dockerfile = (CONTAINER / "Dockerfile").read_text("utf-8")
    port = int(re.search(r"^EXPOSE (\d+)$", dockerfile, re.MULTILINE)[1])  # type: ignore[index]
    assert [each["containerPort"] for each in container["ports"]] == [port]
    assert found["Service"]["spec"]["ports"][0]["port"] == port
    user = int(re.search(r"^USER (\d+)$", dockerfile, re.MULTILINE)[1])  # type: ignore[index]
    assert pod["securityContext"]["runAsUser"] == user
    mounted = {mount["mountPath"] for mount in container["volumeMounts"]}
    assert {"/models", "/tmp", "/home/vlmtui"} == mounted
    assert {mount["name"] for mount in container["volumeMounts"]} == {volume["name"] for volume in pod["volumes"]}
    claim = next(volume for volume in pod["volumes"] if volume["name"] == "models")["persistentVolumeClaim"]
    assert claim["claimName"] == found["PersistentVolumeClaim"]["metadata"]["name"]
    # the token comes from a secret, never from the file
    assert container["env"] == [
        {"name": "VLMTUI_TOKEN", "valueFrom": {"secretKeyRef": {"name": "vlmtui", "key": "token"}}}
    ]
    assert found["Service"]["spec"]["selector"] == found["Deployment"]["spec"]["template"]["metadata"]["labels"]
