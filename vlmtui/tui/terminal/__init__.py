"""What depends on the terminal: colours, character sets, keys that come early."""
