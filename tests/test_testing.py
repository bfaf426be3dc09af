"""The conformance class finds each rule that a distortion breaks, and nothing else."""

import threading
import time
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
import pytest
from pydantic import ConfigDict, ValidationInfo, field_validator

from augforge.distortions import Distortion, Distribution, SampledStep, parameter
from augforge.distortions.parameters import parse_distribution
from augforge.testing import DistortionConformance

LEVEL: dict[str, Any] = {"unit": "gray levels", "low": 0, "high": 255, "neutral": 0, "typical": (5, 50)}
EXAMPLES: list[dict[str, Any]] = [{"level": [5, 50]}, {"level": 20}]


class Lift(Distortion):
    """Adds to every gray level."""

    name: ClassVar[str] = "lift"
    level: Distribution = parameter("Added to every level.", **LEVEL)

    @classmethod
    def lifted(cls, images: np.ndarray, levels: np.ndarray) -> np.ndarray:
        return np.minimum(np.floor(images + levels), 255)

    @classmethod
    def rendered(cls, images: np.ndarray, step: SampledStep) -> np.ndarray:
        levels = step.value("level")[:, np.newaxis, np.newaxis]
        return np.where(levels > 0, cls.lifted(images, levels), images).astype(np.uint8)

    @classmethod
    def render(cls, images: np.ndarray, steps: Sequence[SampledStep]) -> np.ndarray:
        for step in steps:
            images = type(step.distortion).rendered(images, step)
        return images


class Nameless(Lift):
    """Adds to every gray level."""

    name: ClassVar[str] = "Lift up"


class Unexplained(Lift):
    """Adds
    to every gray level.
    """


class Undeclared(Lift):
    """Adds to every gray level."""

    more: float = 0.0


class Atypical(Lift):
    """Adds to every gray level."""

    level: Distribution = parameter("Added to every level.", **{**LEVEL, "typical": (5, 500)})


class Inexact(Lift):
    """Adds to every gray level."""

    more: Distribution | None = parameter("Nothing.", **{**LEVEL, "neutral": 0.1}, required=False)


class Likely(Lift):
    """Adds to every gray level."""

    probability: Distribution | None = parameter("Nothing.", **LEVEL, required=False)


class Unlimited(Lift):
    """Adds to every gray level."""

    @field_validator("*", mode="before")
    @classmethod
    def _parse(cls, plain: Any, info: ValidationInfo) -> Any:
        return parse_distribution(plain)


class Forgetful(Lift):
    """Adds to every gray level."""

    def plain(self) -> dict[str, Any]:
        return {"level": 7}


class Mutable(Lift):
    """Adds to every gray level."""

    model_config = ConfigDict(frozen=False)


def _local() -> type[Lift]:
    class Local(Lift):
        """Adds to every gray level."""

    return Local


class Floating(Lift):
    """Adds to every gray level."""

    @classmethod
    def rendered(cls, images: np.ndarray, step: SampledStep) -> np.ndarray:
        return super().rendered(images, step).astype(float)


class Strided(Lift):
    """Adds to every gray level."""

    @classmethod
    def rendered(cls, images: np.ndarray, step: SampledStep) -> np.ndarray:
        return np.asfortranarray(super().rendered(images, step))


class Writing(Lift):
    """Adds to every gray level."""

    @classmethod
    def rendered(cls, images: np.ndarray, step: SampledStep) -> np.ndarray:
        images[:] = super().rendered(images, step)
        return images


class Always(Distortion):
    """Turns gray levels round."""

    name: ClassVar[str] = "always"

    @classmethod
    def render(cls, images: np.ndarray, steps: Sequence[SampledStep]) -> np.ndarray:
        return np.asarray(255 - images)


class Biased(Lift):
    """Adds to every gray level."""

    level: Distribution = parameter("Added to every level.", **{**LEVEL, "neutral": 10})

    @classmethod
    def rendered(cls, images: np.ndarray, step: SampledStep) -> np.ndarray:
        return np.where(step.applied[:, np.newaxis, np.newaxis], super().rendered(images, step), images)


class GlobalRandom(Lift):
    """Adds to every gray level."""

    @classmethod
    def lifted(cls, images: np.ndarray, levels: np.ndarray) -> np.ndarray:
        return np.random.randint(0, 255, images.shape)  # noqa: NPY002


class FreshRandom(Lift):
    """Adds to every gray level."""

    @classmethod
    def lifted(cls, images: np.ndarray, levels: np.ndarray) -> np.ndarray:
        return np.random.default_rng().integers(0, 255, images.shape)


class Seeding(Lift):
    """Adds to every gray level."""

    @classmethod
    def lifted(cls, images: np.ndarray, levels: np.ndarray) -> np.ndarray:
        np.random.seed(0)  # noqa: NPY002
        return images * np.random.rand()  # noqa: NPY002


class Counting(Lift):
    """Adds to every gray level."""

    calls: ClassVar[list[int]] = []

    @classmethod
    def lifted(cls, images: np.ndarray, levels: np.ndarray) -> np.ndarray:
        cls.calls.append(1)
        return np.full_like(images, len(cls.calls) % 256)


class Neighbours(Lift):
    """Adds to every gray level."""

    @classmethod
    def lifted(cls, images: np.ndarray, levels: np.ndarray) -> np.ndarray:
        return np.maximum(images, np.roll(images, 1, axis=0))


class WholeBlock(Lift):
    """Adds to every gray level."""

    @classmethod
    def lifted(cls, images: np.ndarray, levels: np.ndarray) -> np.ndarray:
        return images // (1 + images.sum() % 7)


class Places(Lift):
    """Adds to every gray level."""

    @classmethod
    def lifted(cls, images: np.ndarray, levels: np.ndarray) -> np.ndarray:
        return np.minimum(images, np.arange(len(images))[:, np.newaxis, np.newaxis] % 2 * 255)


class Squeezed(Lift):
    """Adds to every gray level."""

    @classmethod
    def rendered(cls, images: np.ndarray, step: SampledStep) -> np.ndarray:
        lifted = super().rendered(images, step)
        return lifted[0] if len(lifted) == 1 else lifted


class NeverEmpty(Lift):
    """Adds to every gray level."""

    @classmethod
    def lifted(cls, images: np.ndarray, levels: np.ndarray) -> np.ndarray:
        return images - images.reshape(len(images), -1).min(axis=1)[:, np.newaxis, np.newaxis] // 2 + 1


class Square(Lift):
    """Adds to every gray level."""

    @classmethod
    def lifted(cls, images: np.ndarray, levels: np.ndarray) -> np.ndarray:
        return images.transpose(0, 2, 1)


class Refusing(Square):
    """Adds to every gray level."""

    def check_frame(self, height: int, width: int) -> None:
        from augforge import AugforgeError

        if height != width:
            raise AugforgeError("must be square")


class Unheard(Lift):
    """Adds to every gray level."""

    @classmethod
    def render(cls, images: np.ndarray, steps: Sequence[SampledStep]) -> np.ndarray:
        return np.zeros_like(images)


class OneBuffer(Lift):
    """Adds to every gray level."""

    buffer: ClassVar[dict[str, np.ndarray]] = {}

    @classmethod
    def lifted(cls, images: np.ndarray, levels: np.ndarray) -> np.ndarray:
        cls.buffer["lifted"] = super().lifted(images, levels)
        if threading.current_thread() is not threading.main_thread():
            time.sleep(0.2)
        return cls.buffer["lifted"]


BAD: list[tuple[type[Distortion], str, str]] = [
    (Nameless, "explains_itself", "'name' is what recipes call it, of a-z, 0-9, _ and -; got 'Lift up'"),
    (Unexplained, "explains_itself", "its docstring begins with a sentence in one line"),
    (Undeclared, "declares_its_parameters", "fields that are not declared by parameter(...): more"),
    (
        Unheard,
        "declares_its_parameters",
        "Unheard.render is never called, since Lift renders its whole family",
    ),
    (Atypical, "declares_its_parameters", "typical range of 'level', 5 to 500, is one within its limits"),
    (Inexact, "declares_its_parameters", "0.1, is recorded as float32, which cannot hold it"),
    (Likely, "declares_its_parameters", "cannot be called 'probability', which every step has"),
    (Unlimited, "refuses_values_outside_of_the_limits", "'level' takes -1, which is outside of its limits"),
    (Forgetful, "says_the_same_of_itself", "plain() does not read back"),
    (Mutable, "cannot_be_changed", "a distortion is frozen: keep model_config"),
    (_local(), "travels_to_workers", "is the class at the top level of its module?"),
    (Floating, "keeps_shape_and_type", "render returns uint8, got float64"),
    (Strided, "keeps_shape_and_type", "render returns a C-contiguous array"),
    (Writing, "leaves_its_input_alone", "render writes into its input: copy it first"),
    (Always, "not_applied_is_the_identity", "images change where the step is not applied"),
    (Biased, "neutral_is_the_identity", "images change with neutral values, {'level': 10"),
    (GlobalRandom, "is_the_same_again", "two calls give different pixels: hash step.pixel_keys()"),
    (FreshRandom, "is_the_same_again", "two calls give different pixels: hash step.pixel_keys()"),
    (Seeding, "is_the_same_again", "render touches random numbers that the whole process shares"),
    (Counting, "is_the_same_again", "keep no state"),
    (Neighbours, "a_sample_depends_on_its_own_row", "a sample comes out differently in other company"),
    (WholeBlock, "a_sample_depends_on_its_own_row", "a sample comes out differently in other company"),
    (Places, "a_sample_depends_on_its_own_row", "a sample comes out differently in another place"),
    (Squeezed, "works_on_few_samples", "a block of 1 images of 28 x 28 becomes an array of (28, 28)"),
    (NeverEmpty, "works_on_few_samples", "render fails on a block of 0 images: "),
    (Square, "works_on_any_frame", "render fails on images of 40 x 33, which check_frame may refuse: "),
    (OneBuffer, "works_in_several_threads", "keep nothing between calls"),
]


def broken_rules(kind: type[Distortion], examples: list[dict[str, Any]]) -> dict[str, str]:
    """Return what each test says that does not pass."""
    tests = type("Tests", (DistortionConformance,), {"distortion": kind, "examples": examples})()
    said: dict[str, str] = {}
    for name in dir(tests):
        if not name.startswith("test_"):
            continue
        test = getattr(tests, name)
        for example in (
            examples if "example" in test.__code__.co_varnames[: test.__code__.co_argcount] else [None]
        ):
            try:
                test(**({} if example is None else {"example": example}))
            except pytest.skip.Exception:
                pass
            except Exception as error:
                said[name.removeprefix("test_")] = str(error)
    return said


@pytest.mark.parametrize("kind", [Lift, Refusing])
def test_a_good_one_breaks_no_rule(kind: type[Distortion]) -> None:
    assert broken_rules(kind, EXAMPLES) == {}


@pytest.mark.parametrize(("kind", "test", "message"), BAD, ids=lambda value: getattr(value, "__name__", ""))
def test_a_bad_one_breaks_its_rule_alone(kind: type[Distortion], test: str, message: str) -> None:
    examples = EXAMPLES
    if kind is Always:
        examples = [{}]
    elif len(kind.model_fields) > 1 and kind is not Undeclared:
        examples = [{"level": [5, 50], next(reversed(kind.model_fields)): 1}]
    said = broken_rules(kind, examples)
    assert list(said) == [test]
    assert message in said[test]


def test_an_example_that_changes_nothing_is_told() -> None:
    assert broken_rules(Lift, [{"level": 0}]) == {
        "keeps_shape_and_type": "the example changes nothing: give stronger values"
    }


def test_every_parameter_needs_an_example() -> None:
    assert broken_rules(Likely, EXAMPLES)["declares_its_parameters"]


def test_an_example_that_is_refused_is_told() -> None:
    said = broken_rules(Lift, [{"level": 300}])
    assert all("the example {'level': 300} is refused: 1 validation error" in text for text in said.values())


def test_a_parameter_without_neutral_or_typical_values_cannot_be_declared() -> None:
    for missing in ("neutral", "typical"):
        given = {name: value for name, value in LEVEL.items() if name != missing}
        with pytest.raises(TypeError, match=f"'{missing}'"):
            parameter("Added to every level.", **given)
