"""Steps that run augmenters of imgaug; the only import of imgaug.

We sample the recipe's ranges, one value per image, and pass them to the augmenter; its other random choices (a
noise field, say) use a seed of (recipe's seed, step id, block). imgaug's draws depend on the number of images, so
it always gets whole blocks of 64 consecutive samples, even for one sample. It keeps state between calls and for
the whole process, so every block gets a new augmenter, one thread at a time.
"""

import importlib
import inspect
import re
import threading
import warnings
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError, ValidationInfo, field_validator, model_validator

from augforge import randomness
from augforge.compiling import cache_package
from augforge.distortions.base import Distortion, SampledStep
from augforge.distortions.parameters import Parameter, parse_distribution
from augforge.errors import AugforgeError, did_you_mean, join_names
from augforge.keys import LocatedError, errors_at, located_errors, problem, relocate
from augforge.randomness import Choice, Constant, Distribution

_BLOCK = 64
_ONE_AT_A_TIME = threading.Lock()

# Arguments of imgaug's constructors that the forge sets.
_RESERVED = ("deterministic", "name", "random_state", "seed")
# The first writes files; the others call functions, which no recipe can give.
_REFUSED = ("SaveDebugImageEveryNBatches", "Lambda", "AssertLambda")
# Words that imgaug takes are names of modes, colors and corners; paths are not.
_WORD = re.compile(r"[A-Za-z0-9_-]{1,40}")
# Larger values run for minutes or fill the memory: tiles, borders and meshes grow with the square.
_LARGEST = 1000
_LARGEST_OF = {
    "percent": 4,
    "size_percent": 4,
    "tile_grid_size_px": 100,
    "tile_grid_size_px_min": 100,
    "size": 64,
    "speed": 10,
    "nb_rows": 16,
    "nb_cols": 16,
    "max_steps": 100,
}
_EXTREMES = np.array([1e-6, 1 - 1e-6])  # in place of a normal distribution's ends


class ImgaugStep(Distortion):
    """Run an augmenter of the package imgaug with sampled parameters.

    Notes
    -----
    It needs ``pip install "augforge[imgaug]"``. ``augmenter`` is one of ``imgaug.augmenters`` that keeps the shape
    of images. A range or distribution is sampled once per image and recorded. Pixels are reproducible with the same
    versions of imgaug and its dependencies, on one family of processors. Values are numbers, up to 1,000 in size
    (less for sizes of grids and tiles, and for shares), or single words; augmenters that read or write files, or
    call functions, are refused.

    Prefer a built-in distortion if there is one, such as ``blur``: it is faster and bit-identical everywhere. For
    JPEG artifacts use imgaug: it runs a real encoder.
    """

    name: ClassVar[str] = "imgaug"
    open_ended: ClassVar[bool] = True
    block: ClassVar[int] = _BLOCK
    holds_gil: ClassVar[bool] = True
    packages: ClassVar[tuple[str, ...]] = (
        "imaug",
        "opencv-python",
        "opencv-python-headless",
        "scikit-image",
        "scipy",
    )
    augmenter: str
    options: tuple[tuple[str, Any], ...] = ()

    @model_validator(mode="before")
    @classmethod
    def _gather(cls, plain: Any) -> Any:
        if not isinstance(plain, dict):
            return plain
        options = tuple((str(key), value) for key, value in plain.items() if key != "augmenter")
        given = {"augmenter": plain["augmenter"]} if "augmenter" in plain else {}
        return {**given, "options": options}

    @field_validator("*", mode="before")
    @classmethod
    def _parse(cls, plain: Any, info: ValidationInfo) -> Any:
        if info.field_name == "augmenter":
            return _check_augmenter(plain)
        options: list[tuple[str, Any]] = []
        errors: list[LocatedError] = []
        for key, value in plain:
            try:
                with relocate(key):
                    options.append((key, _check_option(key, value)))
            except ValidationError as error:
                errors += located_errors(error)
        if errors:
            raise errors_at(errors)
        return tuple(options)

    @model_validator(mode="after")
    def _try_out(self) -> Self:
        _check_options(self.augmenter, [name for name, _ in self.options])
        try:
            self.check_frame(28, 28)
        except AugforgeError as error:
            raise problem(str(error)) from error
        return self

    def check_frame(self, height: int, width: int) -> None:
        """Run the augmenter on test images with values across their range.

        Raises
        ------
        AugforgeError
            If it fails for these values, or changes the shape.
        """
        # Each image gets another quantile: the ends, and every frequent choice.
        shares = np.linspace(1e-6, 1 - 1e-6, _BLOCK)
        values = {name: value.quantile(shares) for name, value in self.drawn().items()}
        images = np.zeros((_BLOCK, height, width), np.uint8)
        images[:, height // 4 : height - height // 4, width // 3 : width - width // 3] = 200
        self._run(images, values, np.random.SeedSequence(0))

    @classmethod
    def parameters(cls) -> tuple[Parameter, ...]:
        """Return no parameters: the augmenter has its own."""
        return ()

    def neutral(self, name: str) -> float:  # noqa: ARG002
        """Return 0: neutral values of imgaug's parameters are unknown."""
        return 0.0

    def drawn(self) -> dict[str, Distribution]:
        """Return the options that vary between images."""
        return {
            name: value
            for name, value in self.options
            if isinstance(value, Distribution) and not isinstance(value, Constant)
        }

    def plain(self) -> dict[str, Any]:
        """Convert to plain values as in YAML."""
        options = {
            name: value.plain() if isinstance(value, Distribution) else value for name, value in self.options
        }
        return {"augmenter": self.augmenter, **options}

    def render(self, images: NDArray[Any], steps: Sequence[SampledStep]) -> NDArray[Any]:
        """Render all steps; N must be whole blocks of 64 aligned samples."""
        for step in steps:
            images = _render_step(images, step)
        return images

    def _run(
        self, images: NDArray[Any], values: Mapping[str, NDArray[Any]], seed: np.random.SeedSequence
    ) -> NDArray[Any]:
        try:
            return self._augment(images, values, seed)
        except Exception as error:
            # Augmenters check their parameters by assertions and exceptions of every class.
            reason = " ".join(str(error).split()) or type(error).__name__
            raise AugforgeError(
                f"imgaug's {self.augmenter} does not work with these values: {reason}"
            ) from error

    def _augment(
        self, images: NDArray[Any], values: Mapping[str, NDArray[Any]], seed: np.random.SeedSequence
    ) -> NDArray[Any]:
        import imgaug

        options = dict(self.options)
        for name, drawn in values.items():
            options[name] = _parameter_of(drawn.astype(np.int64) if _is_whole(options[name]) else drawn)
        with _ONE_AT_A_TIME, warnings.catch_warnings(action="ignore"), imgaug.parameters.no_prefetching():
            augmenter = getattr(imgaug.augmenters, self.augmenter)(**options)
            augmenter.seed_(seed)
            results = augmenter.augment_images(images[..., np.newaxis])
        shapes = {np.shape(result) for result in results}
        if shapes != {(*images.shape[1:], 1)} or np.asarray(results[0]).dtype != np.uint8:
            changed = ", ".join(sorted(" x ".join(map(str, shape)) for shape in shapes))
            height, width = images.shape[1:]
            raise ValueError(f"it turns {height} x {width} x 1 into {changed}, which must stay the same")
        return np.asarray(results)[..., 0]


def _render_step(images: NDArray[Any], step: SampledStep) -> NDArray[Any]:
    distortion: Any = step.distortion
    samples = step.samples
    result = np.empty_like(images)
    words = randomness.stream_key(samples.seed, step.step_id, "@imgaug")
    middles = {name: value.quantile(np.array(0.5)) for name, value in distortion.drawn().items()}
    for start in range(0, len(images), _BLOCK):
        rows = slice(start, start + _BLOCK)
        block = int(samples.numbers[start]) // _BLOCK
        # Without the step, the recorded 0 may be invalid for the augmenter.
        values = {
            name: np.where(step.applied[rows], drawn[rows], middles[name])
            for name, drawn in step.values.items()
        }
        try:
            result[rows] = distortion._run(images[rows], values, np.random.SeedSequence([words, block]))
        except AugforgeError as error:
            raise AugforgeError(
                f"step '{step.step_id}', samples from {samples.numbers[start]} on: {error}"
            ) from error
    return np.where(step.applied[:, np.newaxis, np.newaxis], result, images)


def _check_augmenter(plain: Any) -> str:
    """Return the name of a usable augmenter."""
    try:
        # Some of its functions are compiled, and Numba would cache them.
        with cache_package():
            augmenters = importlib.import_module("imgaug.augmenters")
            base = importlib.import_module("imgaug.augmenters.meta").Augmenter
    except ImportError as error:
        raise problem(f'imgaug cannot be imported ({error}); pip install "augforge[imgaug]"') from error
    names = [
        name
        for name, value in vars(augmenters).items()
        if isinstance(value, type)
        and issubclass(value, base)
        and name not in _REFUSED
        and name != "Augmenter"
    ]
    if plain in names:
        return str(plain)
    if isinstance(plain, str) and hasattr(augmenters, plain):
        raise problem(f"'{plain}' of imgaug is not an augmenter that a recipe can use")
    raise problem(
        f"imgaug has no augmenter '{plain}'.{did_you_mean(str(plain), names)} "
        "Its documentation lists them, under imgaug.augmenters"
    )


def _check_options(augmenter: str, given: list[str]) -> None:
    """Refuse options that the augmenter does not have."""
    augmenters = importlib.import_module("imgaug.augmenters")
    allowed = inspect.signature(getattr(augmenters, augmenter)).parameters
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in allowed.values()):
        return
    names = [name for name in allowed if name not in _RESERVED]
    unknown = [name for name in given if name not in names]
    if unknown:
        raise errors_at(
            (
                (name,),
                problem(
                    f"unknown parameter '{name}' of imgaug's {augmenter}.{did_you_mean(name, names)} "
                    f"Allowed: {join_names(names) or 'none'}",
                    at_key=True,
                ),
            )
            for name in unknown
        )


def _check_option(key: str, plain: Any) -> Any:
    """Return an option's value, or the distribution of its values."""
    if key in _RESERVED:
        raise problem(f"'{key}' is given to imgaug by augforge, leave it out", at_key=True)
    if key == "fit_output" and plain is not False:
        raise problem(f"'{key}' changes the size of images, which must stay; leave it out")
    if isinstance(plain, str) and not _WORD.fullmatch(plain):
        raise problem(f"'{key}' must be a number or a word, such as 'constant'; got {plain[:40]!r}")
    if plain is None or isinstance(plain, str | bool):
        return plain
    distribution = parse_distribution(plain)
    largest = _LARGEST_OF.get(key, _LARGEST)
    ends = np.array([distribution.low, distribution.high])
    extreme = np.abs(np.where(np.isfinite(ends), ends, distribution.quantile(_EXTREMES))).max()
    if extreme > largest:
        raise problem(
            f"'{key}' may be {extreme:g} in size, allowed are -{largest} to {largest} for what imgaug is given"
        )
    return distribution if isinstance(plain, list | dict) else plain


def _is_whole(distribution: Distribution) -> bool:
    """Check for whole numbers, as discrete parameters of imgaug require."""
    return isinstance(distribution, Choice) and all(value == int(value) for value in distribution.values)


def _parameter_of(values: NDArray[Any]) -> Any:
    """Return a parameter of imgaug with one value per image of a block.

    Augmenters ask once for all images (the first axis is the block) or for one image after the other.
    """
    import imgaug

    class Given(imgaug.parameters.StochasticParameter):  # type: ignore[misc]
        asked = 0

        def _draw_samples(self, size: tuple[int, ...], random_state: Any) -> NDArray[Any]:  # noqa: ARG002
            if size[0] == len(values):
                shaped = values.reshape(-1, *[1] * (len(size) - 1))
                return np.array(np.broadcast_to(shaped, size))
            self.asked += 1
            return np.full(size, values[(self.asked - 1) % len(values)])

    return Given()
