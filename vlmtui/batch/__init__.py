"""Reports of many pictures as a table, made in parts that outlive whatever ends the program. No torch.

`run_batch` is all of it: here, or with `--engine ray` on the machines of a cluster. SCALE.md says how far it goes.
"""

from vlmtui.batch.run import How, run_batch

__all__ = ["How", "run_batch"]
