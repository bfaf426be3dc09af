"""What every distortion must do, swept over all of them."""

from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from augforge.distortions import Distortion, Drawn, Samples, registry
from tests.distortions.examples import EXAMPLES

COUNT = 128
CASES = [
    pytest.param(name, plain, id=f"{name}-{number}")
    for name, examples in EXAMPLES.items()
    for number, plain in enumerate(examples)
]


def test_every_distortion_is_swept() -> None:
    assert sorted(EXAMPLES) == list(registry())


def samples(start: int = 0, count: int = COUNT, frame: tuple[int, int] = (28, 28)) -> Samples:
    numbers = np.arange(start, start + count)
    return Samples(7, numbers, numbers.astype(np.uint32) % 1000, (numbers // 1000).astype(np.uint32), frame)


def images(height: int = 28, width: int = 28) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (COUNT, height, width), np.uint8)


def step(distortion: Distortion, of: Samples, applied: np.ndarray | None = None, seed: int = 0) -> Drawn:
    applied = np.ones(len(of), bool) if applied is None else applied
    values = {}
    for name, distribution in distortion.drawn().items():
        u = np.random.default_rng(seed).uniform(size=COUNT)[: len(of)]
        values[name] = np.where(applied, distribution.quantile(u), distortion.neutral(name))
    return distortion.settled(Drawn("step", distortion, of, values, applied, np.zeros(len(of), np.uint32)))


def render(drawn: Drawn, blocks: np.ndarray) -> np.ndarray:
    return drawn.distortion.family().render(blocks, [drawn])


@pytest.mark.parametrize(("name", "plain"), CASES)
class TestConformance:
    @pytest.fixture
    def distortion(self, name: str, plain: dict[str, Any]) -> Distortion:
        return registry()[name].model_validate(plain)

    def test_says_the_same_of_itself(self, distortion: Distortion) -> None:
        again = type(distortion).model_validate(distortion.plain())
        assert again == distortion
        assert hash(again) == hash(distortion)
        assert again.plain() == distortion.plain()

    def test_cannot_be_changed(self, distortion: Distortion) -> None:
        with pytest.raises(ValidationError, match="frozen"):
            setattr(distortion, next(iter(type(distortion).model_fields), "anything"), 1)

    def test_keeps_shape_and_type_and_changes_something(self, distortion: Distortion) -> None:
        before = images()
        after = render(step(distortion, samples()), before)
        assert (after.shape, after.dtype) == (before.shape, before.dtype)
        assert (after != before).any()

    def test_leaves_its_input_alone(self, distortion: Distortion) -> None:
        before = images()
        before.flags.writeable = False
        render(step(distortion, samples()), before)

    def test_not_applied_is_the_identity_to_the_bit(self, distortion: Distortion) -> None:
        applied = np.arange(COUNT) % 3 == 0
        after = render(step(distortion, samples(), applied), images())
        np.testing.assert_array_equal(after[~applied], images()[~applied])
        if distortion.block == 1:  # within a block of imgaug's, images share a stream of random numbers
            everywhere = render(step(distortion, samples()), images())
            np.testing.assert_array_equal(after[applied], everywhere[applied])

    def test_is_the_same_again(self, distortion: Distortion) -> None:
        once, again = (render(step(distortion, samples()), images()) for _ in range(2))
        np.testing.assert_array_equal(once, again)

    def test_a_block_alone_is_as_in_company(self, distortion: Distortion) -> None:
        together = step(distortion, samples())
        expected = render(together, images())
        for start in range(0, COUNT, distortion.block)[:5]:
            rows = slice(start, start + distortion.block)
            alone = together[rows]
            np.testing.assert_array_equal(render(alone, images()[rows]), expected[rows])

    @pytest.mark.parametrize("shape", [(28, 28), (40, 33), (64, 64)])
    def test_works_on_any_frame(self, distortion: Distortion, shape: tuple[int, int]) -> None:
        assert render(step(distortion, samples(frame=shape)), images(*shape)).shape == (COUNT, *shape)


@pytest.mark.parametrize("name", registry())
class TestDeclaration:
    def test_explains_itself(self, name: str) -> None:
        distortion = registry()[name]
        assert distortion.__doc__
        assert distortion.__doc__.splitlines()[0].endswith(".")
        assert distortion.name == name

    def test_parameters_have_meaning_unit_and_limits(self, name: str) -> None:
        for parameter in registry()[name].parameters():
            assert parameter.doc.endswith(".")
            assert parameter.unit
            assert parameter.low <= parameter.neutral <= parameter.high
            assert parameter.low <= parameter.typical[0] < parameter.typical[1] <= parameter.high
            assert np.float32(parameter.neutral) == parameter.neutral

    def test_neutral_values_are_the_identity_to_the_bit(self, name: str) -> None:
        parameters = registry()[name].parameters()
        if not parameters:
            pytest.skip("it has no neutral values")
        neutral = {p.name: [p.neutral, p.neutral] for p in parameters if p.name != "factor" or p.required}
        drawn = step(registry()[name].model_validate(neutral), samples())
        np.testing.assert_array_equal(render(drawn, images()), images())

    def test_values_outside_of_the_limits_are_refused(self, name: str) -> None:
        plain = EXAMPLES[name][0]
        for parameter in registry()[name].parameters():
            for value in (parameter.low - 1, parameter.high + 1, [parameter.low - 1, parameter.high]):
                with pytest.raises(ValidationError, match="allowed are"):
                    registry()[name].model_validate({**plain, parameter.name: value})
