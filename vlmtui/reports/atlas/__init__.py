"""`vlmtui atlas`: what many pictures have in common, from tables that `vlmtui report` has written; no model is needed.

`tables` reads them picture by picture, `counting` counts words and outliers, `finding` looks where the words chosen are
said and by which patches most; `text`, `data` (JSON and CSV) and `page` show it.
"""
