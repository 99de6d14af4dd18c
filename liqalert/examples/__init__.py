"""The Python classes at work, each example short enough to copy: `python -m liqalert.examples --help`."""
