"""Values in, text or pictures out. Pure: no I/O, no clock."""
