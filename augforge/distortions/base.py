"""What all distortions have in common.

A distortion is a frozen class whose fields are distributions. Drawing and applying are two things: the
forge draws a table of parameters (samples x columns), then hands whole blocks of images with their rows of
that table to the distortion's family. Steps of one family that follow each other are rendered together: all
geometry in one warp, all gray-level changes in one table.
"""

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self, cast

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, ValidationInfo, field_validator, model_validator

from augforge import randomness
from augforge.distortions.parameters import Parameter, declared
from augforge.errors import AugforgeError
from augforge.keys import problem
from augforge.randomness import Distribution

PIXEL_VERSION = 4
"""Raised whenever any pixel or parameter of any recipe would come out differently."""


@dataclass(frozen=True)
class SampleIds:
    """Which samples a block of N images belongs to.

    Attributes
    ----------
    seed : int
        The recipe's seed.
    numbers : ndarray of int64, shape (N,)
        The sample numbers.
    source_index, variant : ndarray of uint32, shape (N,)
        The original of each sample, and which of its variants it is.
    frame : tuple of int, int
        Height and width of their images, in pixels.
    """

    seed: int
    numbers: NDArray[Any]
    source_index: NDArray[Any]
    variant: NDArray[Any]
    frame: tuple[int, int]

    def __getitem__(self, rows: Any) -> "SampleIds":
        return SampleIds(
            self.seed, self.numbers[rows], self.source_index[rows], self.variant[rows], self.frame
        )

    def __len__(self) -> int:
        return len(self.numbers)


@dataclass(frozen=True)
class SampledStep:
    """One step of a recipe with what was drawn for it, for a block of N samples.

    Attributes
    ----------
    step_id : str
        The step's id.
    distortion : Distortion
        What to do.
    samples : SampleIds
        The samples of the block.
    values : mapping of str to ndarray of float64, shape (N,)
        The values of the parameters that the recipe gives; the neutral one where the step is not applied.
    applied : ndarray of bool, shape (N,)
        Whether the step is applied to the sample.
    attempts : ndarray of uint32, shape (N,)
        Which draw this is of each sample: 0, or higher where a guard rejected earlier ones.
    field : ndarray of int32, shape (N, 2, H, W), optional
        How far from each pixel its place in the source lies, of a step that bends.
    """

    step_id: str
    distortion: "Distortion"
    samples: SampleIds
    values: Mapping[str, NDArray[Any]]
    applied: NDArray[Any]
    attempts: NDArray[Any]
    field: NDArray[Any] | None = None

    def __getitem__(self, rows: Any) -> "SampledStep":
        return SampledStep(
            self.step_id,
            self.distortion,
            self.samples[rows],
            {name: values[rows] for name, values in self.values.items()},
            self.applied[rows],
            self.attempts[rows],
            None if self.field is None else self.field[rows],
        )

    def value(self, name: str) -> NDArray[Any]:
        """Return a parameter's values, the neutral one if the recipe does not give it; float64 (N,)."""
        if name in self.values:
            return self.values[name]
        return np.full(len(self.samples), self.distortion.neutral(name))

    def pixel_keys(self) -> NDArray[Any]:
        """Return one random key for each sample, to be hashed further for each pixel; uint64 (N,)."""
        # No parameter can be called "@pixels", so the key is not shared with any.
        key = randomness.stream_key(self.samples.seed, self.step_id, "@pixels")
        return randomness.random_bits(key, self.samples.source_index, self.samples.variant, self.attempts)


class Distortion(BaseModel):
    """Base of all distortions: subclass a family below it, declare parameters as fields, say how to render.

    A distortion is a frozen class: ``name``, one field for each parameter, declared by `parameter`, and how whole
    blocks of images are rendered. The first line of its docstring is its help text. Subclass `Affine` and say only
    ``maps``, or `Gray` and say only ``tables``, and steps that follow each other are resampled, or looked up, once.
    Anything else subclasses `Single` and says ``render_one``.

    Another package adds one by an entry point of the group ``augforge.distortions``, from the distortion's name to
    its class; ``augforge.testing.DistortionConformance`` checks that it keeps the rules:

    - The values of the parameters are all that is drawn for a sample, and they are recorded. Anything random
      beyond them is hashed from `SampledStep.pixel_keys`: never from a generator of its own, nor from the clock.
    - What becomes of a sample depends on its own row alone, never on its neighbours or its place in the block.
    - A sample to which the step is not applied, or whose values are all neutral, comes back to the bit.
    - The same on every processor is its author's promise alone. Integer arithmetic keeps it; so do float64
      ``+ - * /``, square roots and floor in a fixed order. NumPy's sines, exponentials, powers and sums of floats
      do not.
    - Whenever any pixel would come out differently, ``pixel_version`` is raised: shards that were made before are
      then not taken for its work.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)

    name: ClassVar[str]
    """The key in a recipe's step."""

    shapes: ClassVar[bool] = False
    """Whether it moves or reshapes strokes, rather than changing gray levels: what guards on shape draw again."""

    open_ended: ClassVar[bool] = False
    """Whether it takes parameters that it does not declare, and checks them itself."""

    block: ClassVar[int] = 1
    """How many consecutive sample numbers, aligned, must be rendered together."""

    packages: ClassVar[tuple[str, ...]] = ()
    """Packages that render it in our stead: pixels are the same only with the same versions of them, and data sets
    record these. The package that a distortion comes from, where it is not ours, is recorded anyway."""

    holds_gil: ClassVar[bool] = False
    """Whether rendering keeps other threads of the process from working, as code in plain Python does: builds then
    use processes."""

    pixel_version: ClassVar[int] = 0
    """Of a distortion of another package: raised whenever any of its pixels would come out differently. Ours go by
    `PIXEL_VERSION`."""

    at_least_one: ClassVar[tuple[str, ...]] = ()
    """Optional parameters of which a recipe must give one or more."""

    @field_validator("*", mode="before")
    @classmethod
    def _parse(cls, plain: Any, info: ValidationInfo) -> Any:
        return cls.declaration(str(info.field_name)).parse(plain)

    @model_validator(mode="after")
    def _check_given(self) -> Self:
        if self.at_least_one and all(getattr(self, name) is None for name in self.at_least_one):
            names = ", ".join(f"'{name}'" for name in self.at_least_one)
            raise problem(f"{self.name} needs one or more of {names}")
        return self

    @classmethod
    def parameters(cls) -> tuple[Parameter, ...]:
        """Return the declared parameters in their order."""
        return tuple(_parameters_of(cls).values())

    @classmethod
    def declaration(cls, name: str) -> Parameter:
        """Return the declaration of one parameter."""
        return _parameters_of(cls)[name]

    def neutral(self, name: str) -> float:
        """Return the value of a parameter that changes nothing."""
        return _parameters_of(type(self))[name].neutral

    def drawn(self) -> dict[str, Distribution]:
        """Return what is drawn once for each sample: the parameters given by the recipe, by name."""
        return self._drawn

    @functools.cached_property
    def _drawn(self) -> dict[str, Distribution]:
        found = {one.name: getattr(self, one.name) for one in self.parameters() if not one.per_pixel}
        return {name: value for name, value in found.items() if value is not None}

    def finalize(self, step: SampledStep) -> SampledStep:
        """Return a step just drawn as it will be used: a family may derive from its values, or confine them."""
        return step

    def check_frame(self, height: int, width: int) -> None:
        """Raise `AugforgeError` if the distortion does not work on images of such a size, in pixels."""

    def plain(self) -> dict[str, Any]:
        """Return the parameters as a recipe writes them, without those that it leaves out."""
        values = ((name, getattr(self, name)) for name in type(self).model_fields)
        return {name: value.plain() for name, value in values if value is not None}

    def render(self, images: NDArray[Any], steps: Sequence[SampledStep]) -> NDArray[Any]:
        """Return the images after all steps, which are of one family and follow each other.

        Parameters
        ----------
        images : ndarray of uint8, shape (N, H, W)
            C-contiguous; not written to.
        steps : sequence of SampledStep
            At least one, for the same N samples. Several threads may be in here at once, with other samples.

        Returns
        -------
        ndarray of uint8, shape (N, H, W)
            C-contiguous.
        """
        raise NotImplementedError

    @classmethod
    def family(cls) -> type["Distortion"]:
        """Return the class below `Distortion` whose `render` serves all steps of this kind."""
        return _family_of(cls)


class Single(Distortion):
    """The family whose members are rendered one after the other."""

    def render_one(self, images: NDArray[Any], step: SampledStep) -> NDArray[Any]:
        """Return the images, uint8 (N, H, W), after one step; they are not written to."""
        raise NotImplementedError

    def render(self, images: NDArray[Any], steps: Sequence[SampledStep]) -> NDArray[Any]:
        """Return the images after all steps, in their order."""
        for step in steps:
            images = cast("Single", step.distortion).render_one(images, step)
        return images


def check_array(step: SampledStep, method: str, array: Any, shape: tuple[int, ...], dtype: Any) -> None:
    """Raise `AugforgeError` if what a distortion's method gave is not an array of a shape and type.

    Kernels check nothing: of another one they would read memory that is not theirs.
    """
    if not (isinstance(array, np.ndarray) and array.shape == shape and array.dtype == dtype):
        got = f"{array.dtype} {array.shape}" if isinstance(array, np.ndarray) else type(array).__name__
        raise AugforgeError(
            f"step '{step.step_id}': {type(step.distortion).__qualname__}.{method} must give "
            f"{np.dtype(dtype)} {shape}, got {got}"
        )


@functools.cache
def _parameters_of(kind: type[Distortion]) -> dict[str, Parameter]:
    found = {name: declared(name, field) for name, field in kind.model_fields.items()}
    return {name: one for name, one in found.items() if one is not None}


@functools.cache
def _family_of(kind: type[Distortion]) -> type[Distortion]:
    above = kind.__mro__[: kind.__mro__.index(Distortion)]
    return [one for one in above if issubclass(one, Distortion)][-1]
