"""A local Bot API server: Telegram's rules over real HTTP, for the demo, the tests and the benchmarks."""
