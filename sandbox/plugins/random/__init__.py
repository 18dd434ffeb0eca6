"""Stand-in for the random provider plugin: a value is drawn once and stays until an input of it changes."""
