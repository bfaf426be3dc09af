"""What the author of a distortion tests it with: one class that checks the rules which the forge relies on.

::

    class TestFade(DistortionConformance):
        distortion = Fade
        examples = [{"x": [-0.8, 0.8], "y": [-1, 1]}]

Run by pytest, each test checks one rule, and says which one is broken.
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
from augforge.distortions.catalogue import check_class
from augforge.errors import AugforgeError
from augforge.forge.drawing import draw_step
from augforge.format.layout import NAME

__all__ = ["DistortionConformance"]

_COUNT = 128
_SIDE = 28
_FRAMES = ((28, 28), (40, 33), (20, 12), (64, 64), (1, 28), (28, 1))
_THREADS = 2


class DistortionConformance:
    """The rules that every distortion keeps; subclass it as a test class of pytest.

    Attributes
    ----------
    distortion : type of Distortion
        The class to test.
    examples : list of dict
        What its parameters are in a recipe, once for each way to use it: strong enough that of 128 random images
        some change, and together with every parameter that it has.

    Notes
    -----
    A test that could only repeat what another one finds is skipped. No test can find whether pixels are the same
    on every processor; see `Distortion`.
    """

    distortion: ClassVar[type[Distortion]]
    examples: ClassVar[list[dict[str, Any]]]

    def pytest_generate_tests(self, metafunc: Any) -> None:
        """Run each test that takes an example once for each of them; called by pytest."""
        if "example" in metafunc.fixturenames:
            metafunc.parametrize("example", self.examples, ids=map(str, range(len(self.examples))))

    def test_explains_itself(self) -> None:
        """It has a name that recipes can use, and a docstring."""
        name = getattr(self.distortion, "name", None)
        _require(
            isinstance(name, str) and NAME.fullmatch(name),
            f"'name' is what recipes call it, of a-z, 0-9, _ and -; got {name!r}",
        )
        summary = (self.distortion.__doc__ or "").partition("\n")[0]
        _require(summary.endswith("."), "its docstring begins with a sentence in one line, its help text")

    def test_declares_its_parameters(self) -> None:
        """Every field is declared by `parameter`, with a meaning, a unit, limits, neutral and typical values."""
        try:
            check_class(self.distortion)
        except AugforgeError as error:
            raise AssertionError(str(error)) from error
        _require(self.examples, "'examples' needs one example at least")
        given = {name for example in self.examples for name in example}
        missing = {parameter.name for parameter in self.distortion.parameters()} - given
        _require(not missing, f"'examples' use every parameter; missing: {', '.join(sorted(missing))}")

    def test_refuses_values_outside_of_the_limits(self) -> None:
        """A recipe cannot give a parameter a value that `render` is not made for."""
        _made(self.distortion, self.examples[0])
        for parameter in self.distortion.parameters():
            for value in (parameter.low - 1, parameter.high + 1, [parameter.low - 1, parameter.high]):
                plain = {**self.examples[0], parameter.name: value}
                _require(
                    "allowed are" in _refusal(self.distortion, plain),
                    f"'{parameter.name}' takes {value}, which is outside of its limits",
                )

    def test_says_the_same_of_itself(self, example: dict[str, Any]) -> None:
        """What `plain` writes into a data set's recipe reads back as an equal distortion."""
        distortion = _made(self.distortion, example)
        again = self.distortion.model_validate(distortion.plain())
        _require(again == distortion and again.plain() == distortion.plain(), "plain() does not read back")

    def test_cannot_be_changed(self, example: dict[str, Any]) -> None:
        """It is a frozen, hashable value."""
        distortion = _made(self.distortion, example)
        _require(self.distortion.model_config.get("frozen"), "a distortion is frozen: keep model_config")
        _require(hash(distortion) == hash(_made(self.distortion, example)), "equal ones have equal hashes")

    def test_travels_to_workers(self, example: dict[str, Any]) -> None:
        """It pickles, as recipes do on their way to worker processes."""
        distortion = _made(self.distortion, example)
        try:
            again = pickle.loads(pickle.dumps(distortion))  # noqa: S301
        except Exception as error:
            raise AssertionError(
                f"workers get it pickled, which fails: {error} (is the class at the top level of its module?)"
            ) from error
        _require(again == distortion, "it comes out of a pickle as another one")

    def test_keeps_shape_and_type(self, example: dict[str, Any]) -> None:
        """A block of images comes back as a block of such images, some of them changed."""
        before = _images()
        after = _rows(_made(self.distortion, example), np.arange(_COUNT))
        _require(isinstance(after, np.ndarray), f"render returns an array, got {type(after).__name__}")
        _require(after.shape == before.shape, f"render keeps the shape {before.shape}, got {after.shape}")
        _require(after.dtype == np.uint8, f"render returns uint8, got {after.dtype}")
        _require(after.flags.c_contiguous, "render returns a C-contiguous array: np.ascontiguousarray")
        _require((after != before).any(), "the example changes nothing: give stronger values")

    def test_leaves_its_input_alone(self, example: dict[str, Any]) -> None:
        """It never writes into the images that it is given."""
        step = _step(_made(self.distortion, example), _samples(np.arange(_COUNT)))
        images = _images()
        step.distortion.render(images, [step])
        _require((images == _images()).all(), "render writes into its input: copy it first")
        images.flags.writeable = False
        try:
            step.distortion.render(images, [step])
        except ValueError as error:
            raise AssertionError(f"render fails on images that it must not write to: {error}") from error

    def test_not_applied_is_the_identity(self, example: dict[str, Any]) -> None:
        """A sample to which the step is not applied comes back to the bit."""
        applied = np.arange(_COUNT) % 3 == 0
        after = _rows(_made(self.distortion, example), np.arange(_COUNT), applied)
        _require(
            (after[~applied] == _images()[~applied]).all(),
            "images change where the step is not applied; step.applied says where, and values are neutral there",
        )

    def test_neutral_is_the_identity(self, example: dict[str, Any]) -> None:
        """A sample whose values are all neutral comes back to the bit."""
        distortion = _made(self.distortion, example)
        if distortion.open_ended or not distortion.drawn():
            _skip("it has no neutral values")
        neutral = {name: distortion.neutral(name) for name in distortion.drawn()}
        after = _rows(_made(self.distortion, {**example, **neutral}), np.arange(_COUNT))
        _require((after == _images()).all(), f"images change with neutral values, {neutral}")

    def test_is_the_same_again(self, example: dict[str, Any]) -> None:
        """It keeps no state, and draws nothing but the step's values and what is hashed from `pixel_keys`."""
        step = _step(_made(self.distortion, example), _samples(np.arange(_COUNT)))
        with _shared_generators() as touched:
            once, again = _render(step, _images()), _render(step, _images())
            _require(
                _equal(once, again),
                "two calls give different pixels: hash step.pixel_keys() instead of drawing, and keep no state",
            )
            _require(not touched(), "render touches random numbers that the whole process shares")

    def test_a_sample_depends_on_its_own_row(self, example: dict[str, Any]) -> None:
        """Neither a sample's neighbours nor its place in the block matter."""
        distortion = _made(self.distortion, example)
        expected = _steady(distortion, np.arange(_COUNT))
        rows = max(2, distortion.block)
        for start in range(0, _COUNT, rows)[:5]:
            some = np.arange(start, start + rows)
            _require(
                _equal(_rows(distortion, some), expected[some]),
                "a sample comes out differently in other company: it may only depend on its own row",
            )
        if distortion.block > 1:
            return
        order = np.random.default_rng(1).permutation(_COUNT)
        _require(
            _equal(_rows(distortion, order), expected[order]),
            "a sample comes out differently in another place of the block: it may only depend on its own row",
        )
        applied = order % 3 == 0
        _require(
            _equal(_rows(distortion, order, applied)[applied], expected[order][applied]),
            "a sample comes out differently next to others to which the step is not applied",
        )

    def test_works_on_few_samples(self, example: dict[str, Any]) -> None:
        """Blocks may be empty, or hold one sample."""
        distortion = _made(self.distortion, example)
        for count in (0, distortion.block):
            try:
                after = _rows(distortion, np.arange(count))
            except Exception as error:
                raise AssertionError(f"render fails on a block of {count} images: {error}") from error
            _require(
                after.shape == (count, _SIDE, _SIDE),
                f"a block of {count} images of {_SIDE} x {_SIDE} becomes an array of {after.shape}",
            )

    def test_works_on_any_frame(self, example: dict[str, Any]) -> None:
        """Images need not be square; `check_frame` refuses sizes that it does not work on."""
        distortion = _made(self.distortion, example)
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
        """Threads of one process render different samples at the same time."""
        distortion = _made(self.distortion, example)
        blocks = np.arange(_COUNT).reshape(_THREADS, -1)
        expected = [_steady(distortion, block) for block in blocks]
        together = threading.Barrier(_THREADS)

        def rendered(block: NDArray[Any]) -> NDArray[Any]:
            together.wait()
            return _rows(distortion, block)

        with ThreadPoolExecutor(_THREADS) as pool:
            found = list(pool.map(rendered, blocks))
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


def _made(kind: type[Distortion], example: Mapping[str, Any]) -> Distortion:
    __tracebackhide__ = True
    try:
        check_class(kind)
    except AugforgeError:
        _skip("see test_declares_its_parameters")
    refusal = _refusal(kind, example)
    _require(not refusal, f"the example {dict(example)} is refused: {refusal}")
    return kind.model_validate(example)


def _refusal(kind: type[Distortion], plain: Mapping[str, Any]) -> str:
    """Return why a distortion does not take some parameters, or an empty string."""
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
    # A copy: what a distortion does to its input is the matter of one test alone.
    return step.distortion.render(images.copy(), [step])


def _rows(distortion: Distortion, numbers: NDArray[Any], applied: NDArray[Any] | None = None) -> NDArray[Any]:
    """Return some of the samples, each of which has an image, values and pixel keys of its own."""
    return _render(_step(distortion, _samples(numbers), applied), _images()[numbers])


def _steady(distortion: Distortion, numbers: NDArray[Any]) -> NDArray[Any]:
    """Return some of the samples, if they do not change from call to call."""
    once, again = _rows(distortion, numbers), _rows(distortion, numbers)
    if not _equal(once, again):
        _skip("see test_is_the_same_again")
    return once


def _equal(one: NDArray[Any], other: NDArray[Any]) -> bool:
    return np.array_equal(one, other)


@contextlib.contextmanager
def _shared_generators() -> Iterator[Callable[[], bool]]:
    """Give whether somebody used or seeded the generators that a process shares; then put them back."""

    def states() -> tuple[Any, Any]:
        return np.random.get_state(), random.getstate()  # noqa: NPY002

    numpys, pythons = states()
    # From here on, not from where a seed of the tested distortion may have left them.
    np.random.seed(20_240_229)  # noqa: NPY002
    random.seed(20_240_229)
    before = pickle.dumps(states())
    try:
        yield lambda: pickle.dumps(states()) != before
    finally:
        np.random.set_state(numpys)  # noqa: NPY002
        random.setstate(pythons)
