"""The HTTP API for coach workflows: prompts, plans, runs, records, feedback and its summary."""
