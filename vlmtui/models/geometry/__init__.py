"""Geometry of a model's input: where in the image its image tokens and vision patches lie.

`processor_plan` derives from an image processor's settings exactly what it does to an image. `probe` sends an image of
coordinates through the real processor and reads off where each output pixel comes from. `views` uses the plan where the
probe confirms it, and otherwise straight lines fitted to the probe; where no line fits, the positions are reported as
unknown. `layout` turns the result into grids and places, `perturbation_proof` tests them, and `placement` combines all.
"""
