from tests.building.conftest import recipe  # noqa: F401 - fixtures
from tests.datasets import folder, maker  # noqa: F401 - fixtures
