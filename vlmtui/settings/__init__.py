"""Settings: the user's own defaults of options, from `config.toml`, its profiles and the environment."""
