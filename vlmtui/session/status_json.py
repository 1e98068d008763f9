"""Status of the warm session as JSON.

{"schema", "process",
 "model": {"name", "family", "revision", "dtype", "device", "processor"},     null before one is loaded
 "memory", "device_memory", "device_total",                     bytes: of the process, used on the GPU, of the GPU
 "torch", "transformers",                                       versions; null before they are imported
 "devices", "clients",
 "current",                                                     what runs now; null when idle
 "idle",                                                        seconds since a client has asked anything
 "socket", "log"}                                               paths
"""

from __future__ import annotations

from typing import Any

from vlmtui.session.protocol import Status

SCHEMA = "vlmtui/session/1"
FORMATS = ("text", "json")


def status_object(found: Status, socket: str, log: str) -> dict[str, Any]:
    """A status as an object of the schema."""
    model = found.model
    names = ("name", "family", "revision", "dtype", "device", "processor")
    return {
        "schema": SCHEMA,
        "process": found.pid,
        "model": {name: getattr(model, name) for name in names} if model else None,
        "memory": found.process_memory,
        "device_memory": found.device_memory,
        "device_total": found.device_total,
        "torch": found.torch,
        "transformers": found.transformers,
        "devices": list(found.devices),
        "clients": found.clients,
        "current": found.doing or None,
        "idle": found.idle,
        "socket": socket,
        "log": log,
    }
