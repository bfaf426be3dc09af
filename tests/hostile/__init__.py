"""Bad and hostile input: what is fuzzed, how, and the tests of it. ``make stress`` does the same for longer."""
