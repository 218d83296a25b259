"""The top: puts the parts together and runs them. Imported by the commands, the demo and tests alone."""
