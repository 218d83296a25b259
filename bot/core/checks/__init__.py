"""What `doctor` thinks of what it found: values in, findings out. Pure."""
