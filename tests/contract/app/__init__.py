"""Tests of `bot.app` with a real MongoDB."""
