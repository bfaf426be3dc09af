"""The format on disk: layout, models, hashes, commit records, safe files."""
