"""Conformance tests for authors of distortions.

::

    class TestFade(DistortionConformance):
        distortion = Fade
        examples = [{"x": [-0.8, 0.8], "y": [-1, 1]}]

Run by pytest, each test checks one rule that the forge relies on.
"""

import contextlib
import pickle
import random
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, ClassVar, NoReturn

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from augforge.distortions import Distortion, SampledStep, SampleIds
from augforge.distortions.catalog import check_class
from augforge.errors import AugforgeError
from augforge.forge.drawing import draw_step
from augforge.format.layout import NAME

__all__ = ["DistortionConformance"]

_COUNT = 128
_SIDE = 28
_FRAMES = ((28, 28), (40, 33), (20, 12), (64, 64), (1, 28), (28, 1))
_THREADS = 2


class DistortionConformance:
    """Tests of every distortion's rules; subclass it for pytest.

    Attributes
    ----------
    distortion : type of Distortion
        The class to test.
    examples : list of dict
        Parameters as in a recipe, one mapping per way of use: strong enough to change some of 128 random images,
        and together with every parameter.

    Notes
    -----
    A test that would repeat another one's failure is skipped. No test can check that pixels are bit-identical on
    every processor; see `Distortion`.
    """

    distortion: ClassVar[type[Distortion]]
    examples: ClassVar[list[dict[str, Any]]]

    def pytest_generate_tests(self, metafunc: Any) -> None:
        """Parametrize tests by `examples`; called by pytest."""
        if "example" in metafunc.fixturenames:
            metafunc.parametrize("example", self.examples, ids=map(str, range(len(self.examples))))

    def test_explains_itself(self) -> None:
        """Check for a valid name and a docstring."""
        name = getattr(self.distortion, "name", None)
        _require(
            isinstance(name, str) and NAME.fullmatch(name),
            f"'name' is what recipes call it, of a-z, 0-9, _ and -; got {name!r}",
        )
        summary = (self.distortion.__doc__ or "").partition("\n")[0]
        _require(summary.endswith("."), "its docstring begins with a sentence in one line, its help text")

    def test_declares_its_parameters(self) -> None:
        """Check that `parameter` declares every field completely."""
        try:
            check_class(self.distortion)
        except AugforgeError as error:
            raise AssertionError(str(error)) from error
        _require(self.examples, "'examples' needs one example at least")
        given = {name for example in self.examples for name in example}
        missing = {parameter.name for parameter in self.distortion.parameters()} - given
        _require(not missing, f"'examples' use every parameter; missing: {', '.join(sorted(missing))}")

    def test_refuses_values_outside_of_the_limits(self) -> None:
        """Check that values beyond the limits raise."""
        _build(self.distortion, self.examples[0])
        for parameter in self.distortion.parameters():
            for value in (parameter.low - 1, parameter.high + 1, [parameter.low - 1, parameter.high]):
                plain = {**self.examples[0], parameter.name: value}
                _require(
                    "allowed are" in _refusal(self.distortion, plain),
                    f"'{parameter.name}' takes {value}, which is outside of its limits",
                )

    def test_says_the_same_of_itself(self, example: dict[str, Any]) -> None:
        """Check that `plain` reads back as an equal distortion."""
        distortion = _build(self.distortion, example)
        again = self.distortion.model_validate(distortion.plain())
        _require(again == distortion and again.plain() == distortion.plain(), "plain() does not read back")

    def test_cannot_be_changed(self, example: dict[str, Any]) -> None:
        """Check for a frozen, hashable value."""
        distortion = _build(self.distortion, example)
        _require(self.distortion.model_config.get("frozen"), "a distortion is frozen: keep model_config")
        _require(hash(distortion) == hash(_build(self.distortion, example)), "equal ones have equal hashes")

    def test_travels_to_workers(self, example: dict[str, Any]) -> None:
        """Check that it pickles, for worker processes."""
        distortion = _build(self.distortion, example)
        try:
            again = pickle.loads(pickle.dumps(distortion))  # noqa: S301
        except Exception as error:
            raise AssertionError(
                f"workers get it pickled, which fails: {error} (is the class at the top level of its module?)"
            ) from error
        _require(again == distortion, "it comes out of a pickle as another one")

    def test_keeps_shape_and_type(self, example: dict[str, Any]) -> None:
        """Check the result's shape and type, and that some images change."""
        before = _images()
        after = _render_rows(_build(self.distortion, example), np.arange(_COUNT))
        _require(isinstance(after, np.ndarray), f"render returns an array, got {type(after).__name__}")
        _require(after.shape == before.shape, f"render keeps the shape {before.shape}, got {after.shape}")
        _require(after.dtype == np.uint8, f"render returns uint8, got {after.dtype}")
        _require(after.flags.c_contiguous, "render returns a C-contiguous array: np.ascontiguousarray")
        _require((after != before).any(), "the example changes nothing: give stronger values")

    def test_leaves_its_input_alone(self, example: dict[str, Any]) -> None:
        """Check that rendering never writes to its input."""
        step = _step(_build(self.distortion, example), _samples(np.arange(_COUNT)))
        images = _images()
        step.distortion.render(images, [step])
        _require((images == _images()).all(), "render writes into its input: copy it first")
        images.flags.writeable = False
        try:
            step.distortion.render(images, [step])
        except ValueError as error:
            raise AssertionError(f"render fails on images that it must not write to: {error}") from error

    def test_not_applied_is_the_identity(self, example: dict[str, Any]) -> None:
        """Check that samples without the step stay bit-identical."""
        applied = np.arange(_COUNT) % 3 == 0
        after = _render_rows(_build(self.distortion, example), np.arange(_COUNT), applied)
        _require(
            (after[~applied] == _images()[~applied]).all(),
            "images change where the step is not applied; step.applied says where, and values are neutral there",
        )

    def test_neutral_is_the_identity(self, example: dict[str, Any]) -> None:
        """Check that neutral values keep samples bit-identical."""
        distortion = _build(self.distortion, example)
        if distortion.open_ended or not distortion.drawn():
            _skip("it has no neutral values")
        neutral = {name: distortion.neutral(name) for name in distortion.drawn()}
        after = _render_rows(_build(self.distortion, {**example, **neutral}), np.arange(_COUNT))
        _require((after == _images()).all(), f"images change with neutral values, {neutral}")

    def test_is_the_same_again(self, example: dict[str, Any]) -> None:
        """Check that rendering is deterministic and keeps no state."""
        step = _step(_build(self.distortion, example), _samples(np.arange(_COUNT)))
        with _watch_generators() as touched:
            once, again = _render(step, _images()), _render(step, _images())
            _require(
                _equal(once, again),
                "two calls give different pixels: hash step.pixel_keys() instead of drawing, and keep no state",
            )
            _require(not touched(), "render touches random numbers that the whole process shares")

    def test_a_sample_depends_on_its_own_row(self, example: dict[str, Any]) -> None:
        """Check independence of a sample's neighbors and position in the block."""
        distortion = _build(self.distortion, example)
        expected = _render_twice(distortion, np.arange(_COUNT))
        rows = max(2, distortion.block)
        for start in range(0, _COUNT, rows)[:5]:
            some = np.arange(start, start + rows)
            _require(
                _equal(_render_rows(distortion, some), expected[some]),
                "a sample comes out differently in other company: it may only depend on its own row",
            )
        if distortion.block > 1:
            return
        order = np.random.default_rng(1).permutation(_COUNT)
        _require(
            _equal(_render_rows(distortion, order), expected[order]),
            "a sample comes out differently in another place of the block: it may only depend on its own row",
        )
        applied = order % 3 == 0
        _require(
            _equal(_render_rows(distortion, order, applied)[applied], expected[order][applied]),
            "a sample comes out differently next to others to which the step is not applied",
        )

    def test_works_on_few_samples(self, example: dict[str, Any]) -> None:
        """Check blocks without or with one sample."""
        distortion = _build(self.distortion, example)
        for count in (0, distortion.block):
            try:
                after = _render_rows(distortion, np.arange(count))
            except Exception as error:
                raise AssertionError(f"render fails on a block of {count} images: {error}") from error
            _require(
                after.shape == (count, _SIDE, _SIDE),
                f"a block of {count} images of {_SIDE} x {_SIDE} becomes an array of {after.shape}",
            )

    def test_works_on_any_frame(self, example: dict[str, Any]) -> None:
        """Check frames of other sizes, unless `check_frame` refuses them."""
        distortion = _build(self.distortion, example)
        for height, width in _FRAMES:
            if (height, width) != (_SIDE, _SIDE) and _refuses(distortion, height, width):
                continue
            step = _step(distortion, _samples(np.arange(_COUNT), (height, width)))
            try:
                after = _render(step, _images(height, width))
            except Exception as error:
                raise AssertionError(
                    f"render fails on images of {height} x {width}, which check_frame may refuse: {error}"
                ) from error
            _require(
                after.shape == (_COUNT, height, width),
                f"images of {height} x {width}, which check_frame may refuse, become {after.shape[1:]}",
            )

    def test_works_in_several_threads(self, example: dict[str, Any]) -> None:
        """Check that threads can render different samples concurrently."""
        distortion = _build(self.distortion, example)
        blocks = np.arange(_COUNT).reshape(_THREADS, -1)
        expected = [_render_twice(distortion, block) for block in blocks]
        together = threading.Barrier(_THREADS)

        def render(block: NDArray[Any]) -> NDArray[Any]:
            together.wait()
            return _render_rows(distortion, block)

        with ThreadPoolExecutor(_THREADS) as pool:
            found = list(pool.map(render, blocks))
        _require(
            all(map(_equal, found, expected)),
            "pixels come out differently where threads render at the same time: keep nothing between calls",
        )


def _require(condition: object, message: str) -> None:
    __tracebackhide__ = True
    if not condition:
        raise AssertionError(message)


def _skip(reason: str) -> NoReturn:
    import pytest

    pytest.skip(reason)


def _build(kind: type[Distortion], example: Mapping[str, Any]) -> Distortion:
    __tracebackhide__ = True
    try:
        check_class(kind)
    except AugforgeError:
        _skip("see test_declares_its_parameters")
    refusal = _refusal(kind, example)
    _require(not refusal, f"the example {dict(example)} is refused: {refusal}")
    return kind.model_validate(example)


def _refusal(kind: type[Distortion], plain: Mapping[str, Any]) -> str:
    """Return the error of invalid parameters, or an empty string."""
    try:
        kind.model_validate(plain)
    except ValidationError as error:
        return str(error)
    return ""


def _refuses(distortion: Distortion, height: int, width: int) -> bool:
    try:
        distortion.check_frame(height, width)
    except AugforgeError:
        return True
    return False


def _samples(numbers: NDArray[Any], frame: tuple[int, int] = (_SIDE, _SIDE)) -> SampleIds:
    variant, source_index = np.divmod(numbers, 1000)
    return SampleIds(7, numbers, source_index.astype(np.uint32), variant.astype(np.uint32), frame)


def _images(height: int = _SIDE, width: int = _SIDE) -> NDArray[Any]:
    return np.random.default_rng(0).integers(0, 256, (_COUNT, height, width), np.uint8)


def _step(distortion: Distortion, samples: SampleIds, applied: NDArray[Any] | None = None) -> SampledStep:
    everywhere = np.ones(len(samples), bool)
    return draw_step("step", distortion, samples, everywhere if applied is None else applied)


def _render(step: SampledStep, images: NDArray[Any]) -> NDArray[Any]:
    # A copy: only one test checks writes to the input.
    return step.distortion.render(images.copy(), [step])


def _render_rows(
    distortion: Distortion, numbers: NDArray[Any], applied: NDArray[Any] | None = None
) -> NDArray[Any]:
    """Render some samples, each with its own image, values and keys."""
    return _render(_step(distortion, _samples(numbers), applied), _images()[numbers])


def _render_twice(distortion: Distortion, numbers: NDArray[Any]) -> NDArray[Any]:
    """Render some samples, and skip the test if calls differ."""
    once, again = _render_rows(distortion, numbers), _render_rows(distortion, numbers)
    if not _equal(once, again):
        _skip("see test_is_the_same_again")
    return once


def _equal(one: NDArray[Any], other: NDArray[Any]) -> bool:
    return np.array_equal(one, other)


@contextlib.contextmanager
def _watch_generators() -> Iterator[Callable[[], bool]]:
    """Yield a check for use of global generators; then restore them."""

    def states() -> tuple[Any, Any]:
        return np.random.get_state(), random.getstate()  # noqa: NPY002

    numpys, pythons = states()
    # Not from a state that the tested distortion may have seeded.
    np.random.seed(20_240_229)  # noqa: NPY002
    random.seed(20_240_229)
    before = pickle.dumps(states())
    try:
        yield lambda: pickle.dumps(states()) != before
    finally:
        np.random.set_state(numpys)  # noqa: NPY002
        random.setstate(pythons)
