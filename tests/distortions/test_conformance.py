"""What every distortion must do, swept over all of ours; `augforge.testing` says what."""

from augforge.distortions.catalog import built_in
from augforge.testing import DistortionConformance
from tests.distortions.examples import EXAMPLES


def test_every_distortion_is_swept() -> None:
    assert sorted(EXAMPLES) == list(built_in())


# One class for each, such as TestPixelNoise.
for _name, _kind in built_in().items():
    _tests = f"Test{_name.title().replace('_', '')}"
    globals()[_tests] = type(
        _tests, (DistortionConformance,), {"distortion": _kind, "examples": EXAMPLES.get(_name, [])}
    )
