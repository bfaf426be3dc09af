"""Base classes of all distortions.

A distortion is a frozen class whose fields are distributions. The forge first samples a table of parameters
(samples x columns), then passes blocks of images with their rows of that table to the distortion's family.
Consecutive steps of one family are rendered together: all geometry in one warp, all gray-level changes in one
table.
"""

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self, cast

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, ValidationInfo, field_validator, model_validator

from augforge import randomness
from augforge.distortions.parameters import Parameter, find_declaration
from augforge.errors import AugforgeError
from augforge.keys import problem
from augforge.randomness import Distribution

PIXEL_VERSION = 4
"""Incremented with every change of pixels or parameters of any recipe."""


@dataclass(frozen=True)
class SampleIds:
    """Identities of the samples in a block of N images.

    Attributes
    ----------
    seed : int
        The recipe's seed.
    numbers : ndarray of int64, shape (N,)
        The sample numbers.
    source_index, variant : ndarray of uint32, shape (N,)
        The original and the variant of each sample.
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
    """A step of a recipe with its sampled values, for N samples.

    Attributes
    ----------
    step_id : str
        The step's id.
    distortion : Distortion
        The distortion.
    samples : SampleIds
        The samples of the block.
    values : mapping of str to ndarray of float64, shape (N,)
        The parameters of the recipe; neutral where the step is not applied.
    applied : ndarray of bool, shape (N,)
        Whether the step is applied to the sample.
    attempts : ndarray of uint32, shape (N,)
        Number of each sample's draw: 0, or higher after rejections by a guard.
    field : ndarray of int32, shape (N, 2, H, W), optional
        Displacement from each pixel to its source position, of a bending step.
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
        """Return a parameter's values, by default neutral; float64 (N,)."""
        if name in self.values:
            return self.values[name]
        return np.full(len(self.samples), self.distortion.neutral(name))

    def pixel_keys(self) -> NDArray[Any]:
        """Return a random key per sample, to hash per pixel; uint64 (N,)."""
        # No parameter can have this name, so no parameter shares the key.
        key = randomness.stream_key(self.samples.seed, self.step_id, "@pixels")
        return randomness.random_bits(key, self.samples.source_index, self.samples.variant, self.attempts)


class Distortion(BaseModel):
    """Base of all distortions.

    A distortion is a frozen class with a ``name``, one field per parameter, declared by `parameter`, and a method
    that renders blocks of images. The first line of its docstring is its help text. Subclass `Affine` and define
    only ``maps``, or `Gray` and define only ``tables``: consecutive steps are then resampled, or looked up, once.
    All others subclass `Single` and define ``render_one``.

    Other packages add distortions by an entry point of the group ``augforge.distortions``, from the distortion's
    name to its class; ``augforge.testing.DistortionConformance`` checks these rules:

    - Only the parameters are sampled, and they are recorded. Hash further randomness from
      `SampledStep.pixel_keys`: use no random generator and no clock.
    - The result for a sample depends on its own row alone, never on its neighbors or its position in the block.
    - A sample without the step, or with neutral values only, stays bit-identical.
    - Bit-identical results on every processor are the author's responsibility. Integer arithmetic gives them, and
      so do float64 ``+ - * /``, square roots and floor in a fixed order. NumPy's sines, exponentials, powers and
      sums of floats do not.
    - Increment ``pixel_version`` with every change of pixels: existing shards are then stale.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)

    name: ClassVar[str]
    """Key of the step in a recipe."""

    shapes: ClassVar[bool] = False
    """Whether it moves or reshapes strokes: guards on shape redraw such steps."""

    open_ended: ClassVar[bool] = False
    """Whether it accepts undeclared parameters and checks them itself."""

    block: ClassVar[int] = 1
    """Number of consecutive, aligned samples to render together."""

    packages: ClassVar[tuple[str, ...]] = ()
    """Packages that decide its pixels; data sets record their versions. The package of a plug-in is always
    recorded."""

    holds_gil: ClassVar[bool] = False
    """Whether rendering holds the GIL, as plain Python code does: builds then use processes."""

    pixel_version: ClassVar[int] = 0
    """Incremented with every change of pixels, by plug-ins; built-in distortions use `PIXEL_VERSION`."""

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
        """Return the declared parameters in order."""
        return tuple(_parameters_of(cls).values())

    @classmethod
    def declaration(cls, name: str) -> Parameter:
        """Return the declaration of one parameter."""
        return _parameters_of(cls)[name]

    def neutral(self, name: str) -> float:
        """Return the neutral value of a parameter."""
        return _parameters_of(type(self))[name].neutral

    def drawn(self) -> dict[str, Distribution]:
        """Return the given parameters that are sampled once per image."""
        return self._drawn

    @functools.cached_property
    def _drawn(self) -> dict[str, Distribution]:
        found = {one.name: getattr(self, one.name) for one in self.parameters() if not one.per_pixel}
        return {name: value for name, value in found.items() if value is not None}

    def finalize(self, step: SampledStep) -> SampledStep:
        """Complete a sampled step: derive from its values, or limit them."""
        return step

    def check_frame(self, height: int, width: int) -> None:
        """Raise `AugforgeError` for images of an unsupported size in pixels."""

    def plain(self) -> dict[str, Any]:
        """Convert to plain values as in YAML, without missing parameters."""
        values = ((name, getattr(self, name)) for name in type(self).model_fields)
        return {name: value.plain() for name, value in values if value is not None}

    def render(self, images: NDArray[Any], steps: Sequence[SampledStep]) -> NDArray[Any]:
        """Render consecutive steps of one family.

        Parameters
        ----------
        images : ndarray of uint8, shape (N, H, W)
            C-contiguous; not written to.
        steps : sequence of SampledStep
            At least one, for the same N samples. Several threads may call it at once, with other samples.

        Returns
        -------
        ndarray of uint8, shape (N, H, W)
            C-contiguous.
        """
        raise NotImplementedError

    @classmethod
    def family(cls) -> type["Distortion"]:
        """Return the class directly below `Distortion`, for rendering."""
        return _family_of(cls)


class Single(Distortion):
    """The family of distortions rendered one by one."""

    def render_one(self, images: NDArray[Any], step: SampledStep) -> NDArray[Any]:
        """Render one step, uint8 (N, H, W), without writing to `images`."""
        raise NotImplementedError

    def render(self, images: NDArray[Any], steps: Sequence[SampledStep]) -> NDArray[Any]:
        """Render all steps in order."""
        for step in steps:
            images = cast("Single", step.distortion).render_one(images, step)
        return images


def check_array(step: SampledStep, method: str, array: Any, shape: tuple[int, ...], dtype: Any) -> None:
    """Raise `AugforgeError` unless a method returned an array as required.

    Kernels check nothing: with another shape or type they would read foreign memory.
    """
    if not (isinstance(array, np.ndarray) and array.shape == shape and array.dtype == dtype):
        got = f"{array.dtype} {array.shape}" if isinstance(array, np.ndarray) else type(array).__name__
        raise AugforgeError(
            f"step '{step.step_id}': {type(step.distortion).__qualname__}.{method} must return "
            f"{np.dtype(dtype)} {shape}, got {got}"
        )


@functools.cache
def _parameters_of(kind: type[Distortion]) -> dict[str, Parameter]:
    found = {name: find_declaration(name, field) for name, field in kind.model_fields.items()}
    return {name: one for name, one in found.items() if one is not None}


@functools.cache
def _family_of(kind: type[Distortion]) -> type[Distortion]:
    above = kind.__mro__[: kind.__mro__.index(Distortion)]
    return [one for one in above if issubclass(one, Distortion)][-1]
