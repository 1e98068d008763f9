"""Atlas of many images (`vlmtui atlas`): what they have in common, from tables of `vlmtui report`; no model is needed.

`tables` reads them image by image, `counts` counts words and outliers, and `examples` collects where chosen words occur
and their top patches. `summary` combines these; `text`, `json_csv` and `page` write it.
"""
