"""The HTTP API for coach workflows: prompts, plans, runs, the five collections, feedback and its summary."""
