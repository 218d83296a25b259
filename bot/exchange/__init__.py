"""Records in and out as text: what the commands `write` and `export` do, on any store."""
