"""Everything that is kept: SQLAlchemy Core over SQLite or PostgreSQL. Nothing outside this package sees SQL."""
