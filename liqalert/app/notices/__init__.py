"""What people must be told about liqalert itself, each once per occurrence. Pure but for what they remember."""
