"""Draws the picture of `/stats`. A program of its own (`python -m bot.charts`): it takes a while."""
