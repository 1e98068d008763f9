"""Dialogs of the explorer: widgets on a layer of its screen, which stays in sight around them."""
