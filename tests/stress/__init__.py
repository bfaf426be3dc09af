"""Long versions of the tests of faults and of hostile input: ``make stress``."""
