"""HTTP server of `vlmtui serve`: images come in, the page or the report of each goes out.

`app` answers requests, `guard` checks who may send them, `limits` has the queue before the model, and `model_holder`
the session with the model.
"""
