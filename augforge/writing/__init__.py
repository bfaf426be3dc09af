"""Make the shards of a data set and assemble its manifest."""
