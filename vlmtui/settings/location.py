"""Location of the settings file. It imports little: every command asks whether there is one."""

from __future__ import annotations

import os
from pathlib import Path

from vlmtui.files import expand_path

ENVIRONMENT, PROFILE_ENVIRONMENT = "VLMTUI_CONFIG", "VLMTUI_PROFILE"
NAME = "config.toml"


def config_path() -> Path:
    """The file with the settings: `VLMTUI_CONFIG`, or `config.toml` in the user's folder for configuration."""
    if named := os.environ.get(ENVIRONMENT):
        return Path(expand_path(named))
    import platformdirs

    return platformdirs.user_config_path("vlmtui") / NAME


def has_settings() -> bool:
    """Whether there are settings to read, or the environment names some that are not there."""
    return any(map(os.environ.get, (ENVIRONMENT, PROFILE_ENVIRONMENT))) or os.path.lexists(config_path())
