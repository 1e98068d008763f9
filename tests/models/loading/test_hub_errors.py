"""Errors of a download that no hub has to raise; `test_hub` has those that one raises."""

from __future__ import annotations

import errno

import pytest

from vlmtui.errors import ModelError
from vlmtui.models.loading.hub_errors import explain_hub_errors


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "the disk of .* is full: free some"),
        (PermissionError(errno.EACCES, "Permission denied"), "a folder that you can write to with VLMTUI_CACHE"),
        (OSError(errno.EROFS, "Read-only file system"), "cannot be stored in .*VLMTUI_CACHE or HF_HOME"),
        (FileNotFoundError(errno.ENOENT, "No such file or directory"), "cannot be stored in .*VLMTUI_CACHE"),
        (ConnectionResetError(errno.ECONNRESET, "reset"), "check disk and connection"),
    ],
)
def test_what_breaks_on_the_way_is_said_in_one_sentence(error, said):
    with pytest.raises(ModelError, match=said), explain_hub_errors("org/tiny", None):
        raise error
