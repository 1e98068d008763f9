"""The page on a port: pictures come in by HTTP, the page or the report of each goes out.

`holder` keeps a session of its own, `waiting` the one queue before it, `app` answers requests, `guard` says who may
ask.
"""
