"""What a valid recipe is: frozen values that everything below the recipe room relies on."""

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from augforge.distortions import PIXEL_VERSION, Distortion
from augforge.distortions.catalogue import pixel_terms
from augforge.hdf5 import Compression
from augforge.normalizing import Normalizer
from augforge.recipe.guard import Guard
from augforge.recipe.writing import digest_of, tidied, write_yaml
from augforge.sources import SourceSpec

RECIPE_VERSION = 1
MAX_SEED = 2**63 - 1
MAX_VARIANTS = 65_535
MAX_NAME = 64
MAX_SHARD_SIZE = 2**24
MAX_LABEL = 255
MAX_GROUP_DEPTH = 4
MAX_WEIGHT = 1e9
EXPECT_KIND = "blake3:"


@dataclass(frozen=True)
class Applies:
    """When a step is applied to a sample.

    Attributes
    ----------
    probability : float
        Chance for each sample, 0 to 1.
    for_labels : tuple of int, optional
        Only samples of these classes (0 to 255, ascending); None: all.
    except_labels : tuple of int, optional
        All samples but those of these classes; never together with `for_labels`.
    """

    probability: float = 1.0
    for_labels: tuple[int, ...] | None = None
    except_labels: tuple[int, ...] | None = None

    def plain(self) -> dict[str, Any]:
        """Return what is not the default, as YAML would say it."""
        said: dict[str, Any] = {}
        if self.probability != 1.0:
            said["probability"] = tidied(self.probability)
        for key, labels in (("for_labels", self.for_labels), ("except_labels", self.except_labels)):
            if labels is not None:
                said[key] = list(labels)
        return said


@dataclass(frozen=True)
class Step:
    """One distortion, known by its id."""

    id: str
    distortion: Distortion
    applies: Applies = field(default_factory=Applies)

    def plain(self, *, id_always: bool = False) -> dict[str, Any]:
        """Return the step as YAML would say it; the id only where it is not the default, or always."""
        body = self.distortion.plain()
        # An open-ended one hands its values on as they are, and to imgaug 1.0 is not 1.
        body = body if self.distortion.open_ended else tidied(body)
        return _plain_step(self, self.distortion.name, body, id_always)


@dataclass(frozen=True)
class OneOf:
    """A group of which each sample gets exactly one member.

    Attributes
    ----------
    id : str
        The group's id.
    steps : tuple of Step, OneOf or SomeOf
        The members, one at least.
    weights : tuple of float
        How likely each member is in proportion to the others; 0 to 1e9, not all 0.
    applies : Applies
        When any member is applied at all.
    """

    id: str
    steps: tuple["Node", ...]
    weights: tuple[float, ...]
    applies: Applies = field(default_factory=Applies)

    def plain(self, *, id_always: bool = False) -> dict[str, Any]:
        """Return the group as YAML would say it; the ids only where they are not the default, or always."""
        equal = all(weight == 1.0 for weight in self.weights)
        body = {} if equal else {"weights": tidied(list(self.weights))}
        steps = [node.plain(id_always=id_always) for node in self.steps]
        return _plain_step(self, "one_of", {**body, "steps": steps}, id_always)


@dataclass(frozen=True)
class SomeOf:
    """A group of which each sample gets several different members, in their listed order.

    Attributes
    ----------
    id : str
        The group's id.
    steps : tuple of Step, OneOf or SomeOf
        The members, one at least.
    count : tuple of int, int
        The least and the most members that a sample gets, each number equally likely; 0 to len(steps).
    applies : Applies
        When any member is applied at all.
    """

    id: str
    steps: tuple["Node", ...]
    count: tuple[int, int]
    applies: Applies = field(default_factory=Applies)

    def plain(self, *, id_always: bool = False) -> dict[str, Any]:
        """Return the group as YAML would say it; the ids only where they are not the default, or always."""
        low, high = self.count
        count = low if low == high else [low, high]
        steps = [node.plain(id_always=id_always) for node in self.steps]
        return _plain_step(self, "some_of", {"count": count, "steps": steps}, id_always)


Node = Step | OneOf | SomeOf


@dataclass(frozen=True)
class Output:
    """How the data set is written; never what is in it.

    Attributes
    ----------
    shard_size : int
        Samples in one shard (the last may have fewer): a multiple of 1,024, up to 2**24.
    compression : str
        ``none``, ``gzip``, ``lz4`` or ``zstd``.
    """

    shard_size: int = 65_536
    compression: Compression = "none"


@dataclass(frozen=True)
class Recipe:
    """A recipe that can be made as it stands; `load_recipe` and `parse_recipe` give one.

    Attributes
    ----------
    version : int
        Of the recipe's grammar: 1.
    name : str
        Names files: ``[a-z0-9][a-z0-9_-]*``, at most 64 letters.
    source : SourceSpec
        The originals.
    normalize : Normalizer, optional
        How the originals, drawings of any size, are first made to look like MNIST's digits; None: not at all.
    distort : tuple of Step, OneOf or SomeOf
        The steps in order; none at all is the identity.
    description : str
        For people; empty if there is none.
    seed : int
        0 to 2**63 - 1; another seed draws everything anew.
    frame : tuple of int, int, optional
        Height and width, in pixels, that the originals are padded to with blank paper, in the middle, before
        anything else; None: as they are.
    variants : int
        Distorted copies of each original, 0 to 65,535.
    keep_originals : bool
        Whether variant 0 of each original is the original itself.
    guard : Guard
        What every distorted sample must keep.
    output : Output
        How the data set is written.
    expect : str, optional
        The content hash that the data set must have, 64 hexadecimal digits; None: any.
    expect_of : str, optional
        The `settings_digest` that `expect` belongs to: of other settings or originals nothing is expected. None:
        `expect` must come out in any case.
    expect_set_aside : bool
        Whether the recipe has an expectation that ``--set`` made void: it changed pixels or the number of variants.
    """

    version: int
    name: str
    source: SourceSpec
    distort: tuple[Node, ...]
    description: str = ""
    seed: int = 0
    normalize: Normalizer | None = None
    frame: tuple[int, int] | None = None
    variants: int = 1
    keep_originals: bool = True
    guard: Guard = field(default_factory=Guard)
    output: Output = field(default_factory=Output)
    expect: str | None = None
    expect_of: str | None = None
    expect_set_aside: bool = field(default=False, compare=False)

    def plain(self) -> dict[str, Any]:
        """Return the recipe as YAML would say it, every setting spelled out, paths made absolute."""
        described = {"description": self.description} if self.description else {}
        normalized = {} if self.normalize is None else {"normalize": asdict(self.normalize)}
        return {
            "version": self.version,
            "name": self.name,
            **described,
            "seed": self.seed,
            "source": _plain_source(self.source),
            **normalized,
            **({} if self.frame is None else {"frame": list(self.frame)}),
            "variants": self.variants,
            "keep_originals": self.keep_originals,
            "distort": [node.plain() for node in self.distort],
            "guard": self.guard.plain(),
            "output": asdict(self.output),
            **({} if self.expect is None else {"expect": plain_expect(self.expect, self.expect_of)}),
        }

    def to_yaml(self) -> str:
        """Return the recipe as YAML; `parse_recipe` of it gives an equal recipe."""
        return write_yaml(self.plain())

    def pixel_digest(self, source_digest: str) -> str:
        """Return 64 hex characters that differ wherever a pixel or parameter of any sample might.

        Name, description, number of variants, output and expectation do not count; ``5`` and ``5.0`` are the same.
        Distortions of other packages count with their package's name and their own pixel version.

        Parameters
        ----------
        source_digest : str
            `Source.digest` of the opened source, normalised where it is; its name and place do not count.
        """
        return digest_of(
            [
                PIXEL_VERSION,
                source_digest,
                self.seed,
                self.frame,
                [node.plain(id_always=True) for node in self.distort],
                self.guard.plain(),
                self.keep_originals,
                *_plug_in_terms(self.distort),
            ]
        )

    def settings_digest(self, originals_digest: str) -> str:
        """Return the hash of all that decides the content, but for augforge itself.

        It does not depend on paths, output, shard size, name or augforge's pixel version. Settings count where they
        are used, so that a setting that is added later leaves the digests of recipes without it as they are.

        Each distortion of another package adds the package's name and the distortion's own pixel version. A plug-in
        with new pixels is therefore another setting, for which nothing is expected; a new pixel version of augforge
        is the same setting with other content, which fails.

        Parameters
        ----------
        originals_digest : str
            `Source.originals_digest` of the opened source.

        Returns
        -------
        str
            64 hexadecimal digits.
        """
        used = {
            "normalize": None if self.normalize is None else _but_defaults(self.normalize),
            "frame": self.frame,
            "guard": self.guard.plain() or None,
            "packages": _plug_in_terms(self.distort) or None,
        }
        return digest_of(
            {
                "settings": 1,
                "originals": originals_digest,
                "seed": self.seed,
                "distort": [node.plain(id_always=True) for node in self.distort],
                "variants": self.variants,
                "keep_originals": self.keep_originals,
                **{key: value for key, value in used.items() if value is not None},
            }
        )


def plain_expect(content: str, of: str | None) -> str | dict[str, str]:
    """Return an expectation as YAML would say it."""
    if of is None:
        return f"{EXPECT_KIND}{content}"
    return {"content": f"{EXPECT_KIND}{content}", "of": f"{EXPECT_KIND}{of}"}


def _but_defaults(settings: Normalizer) -> dict[str, Any]:
    """Return the settings that differ from their defaults."""
    return {
        one.name: value for one in fields(settings) if (value := getattr(settings, one.name)) != one.default
    }


def _plug_in_terms(nodes: Iterable[Node]) -> list[Any]:
    """Return what pixels depend on beyond our own pixel version; nothing where all distortions are ours."""
    kinds = {type(step.distortion).name: type(step.distortion) for step in single_steps(nodes)}
    found = (pixel_terms(kinds[name]) for name in sorted(kinds))
    terms = [of_one for of_one in found if of_one is not None]
    return [terms] if terms else []


def single_steps(nodes: Iterable[Node]) -> Iterator[Step]:
    """Yield the single steps of a recipe in their listed order, those of groups included."""
    for node in nodes:
        if isinstance(node, Step):
            yield node
        else:
            yield from single_steps(node.steps)


def _plain_step(node: Node, kind: str, body: dict[str, Any], id_always: bool) -> dict[str, Any]:
    named = {"id": node.id} if id_always or node.id != kind else {}
    return {kind: {**named, **node.applies.plain(), **body}}


def _plain_source(source: SourceSpec) -> dict[str, Any]:
    # What is not inverted does not say so: stored recipes keep the bytes that they had before there was the key.
    left_out = None if source.invert else {"invert"}
    return source.model_dump(mode="json", exclude_none=True, exclude=left_out)
