"""What the Python classes are made of. The classes themselves are in `liqalert.live` and `liqalert.hunter`.

Nothing that is costly to import is imported before a stream is started or a source is read.
"""
