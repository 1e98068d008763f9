"""Terminal matters: colours, character sets, keys that come early."""
