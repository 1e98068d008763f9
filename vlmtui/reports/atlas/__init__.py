"""`vlmtui atlas`: what many images have in common, from tables that `vlmtui report` has written; no model is needed.

`tables` reads them image by image, `counts` counts words and outliers, and `examples` collects where chosen words occur
and their top patches. `summary` combines these; `text`, `json_csv` and `page` write it.
"""
