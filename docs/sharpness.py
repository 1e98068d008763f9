from vlmtui.lenses import Context, Scalars, lens


@lens
def sharpness(context: Context, power: float = 2.0) -> Scalars:
    """How peaked a patch's vector is."""
    return Scalars(context.states().float().abs().pow(power).mean(-1))
