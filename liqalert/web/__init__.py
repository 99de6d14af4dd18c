"""The web side: JSON, health and metrics over HTTP. Reads the Board and the database; decides nothing.

Start reading at `application.py`: one table of routes. Every answer's shape is a Struct beside its handler.
"""
