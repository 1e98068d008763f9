"""Where in the picture image tokens and vision patches lie.

`plan` derives from an image processor's settings what it does to a picture, exactly; `probe` sends a picture of
coordinates through the real processor and reads off what came out where; `views` takes the plan where the probe bears
it out, and else the straight lines through the probe; where those are no straight lines, nothing is known, and nothing
is claimed. `layout` makes grids and places of that.
"""
