"""Tensor kernels that several lenses share: distances, nearest neighbours, matching pursuit, the logit lens."""
