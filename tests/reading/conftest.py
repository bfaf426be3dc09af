from tests.datasets import folder, maker  # noqa: F401 - fixtures
