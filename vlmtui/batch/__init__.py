"""Tables of many images, made in parts that survive whatever ends the program. No torch.

`run_batch` is the entry point: here, or with `--engine ray` on the machines of a cluster. Limits: `docs/scale.md`.
"""

from vlmtui.batch.run import BatchOptions, run_batch

__all__ = ["BatchOptions", "run_batch"]
