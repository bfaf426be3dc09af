"""Specifications of originals."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from augforge.sources import SourceSpec


def test_the_name_is_the_users_own() -> None:
    assert SourceSpec(dataset="mnist-10k").name == "mnist-10k"
    assert SourceSpec(path=Path("/data/digits")).name == "/data/digits"
    assert SourceSpec(path=Path("/data/digits"), written_path="../digits").name == "../digits"


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({}, "a source needs either 'dataset' or 'path', and not both"),
        ({"dataset": "mnist", "path": "x"}, "a source needs either 'dataset' or 'path', and not both"),
        ({"dataset": "mnist", "format": "idx"}, "'format' goes with 'path'"),
        ({"dataset": "mnist", "classes": 10}, "'classes' goes with 'path'"),
        ({"dataset": "../mnist"}, "must be of A-Z, a-z, 0-9, _ and -"),
        ({"dataset": "mnist", "split": "a/b"}, "must be of A-Z, a-z, 0-9, _ and -"),
        ({"dataset": "mnist", "class_names": ["a"]}, "'class_names' goes with 'path'"),
        ({"dataset": "mnist", "labels": "none"}, "'labels' goes with 'path'"),
        ({"path": "x", "class_names": ["a", "b", "a"]}, "must come only once"),
        ({"path": "x", "class_names": ["a", "b"], "classes": 3}, "'classes' is 3, but 'class_names' has 2"),
        ({"path": "x", "class_names": ["a"], "labels": "none"}, "if 'labels' is none"),
        (
            {"path": "x", "classes": 3, "labels": "none"},
            "'classes' has no effect if 'labels' is none; leave it out",
        ),
        ({"path": "x", "class_names": []}, "must be a list such as"),
        ({"path": "x", "class_names": [""]}, "must have 1 to 100 letters"),
        ({"path": "x", "shape": [28]}, "must be .height, width. in pixels"),
        ({"path": "x", "shape": [28, 4097]}, "must be an integer from 1 to 4096"),
        ({"path": "x", "colour": "grey"}, "must be one of gray"),
        ({"path": "x", "images": ""}, "must be the name of an array, 1 to 200 letters"),
        ({"path": "x", "classes": 0}, "must be an integer from 1 to 256"),
        ({"path": "x", "classes": 257}, "must be an integer from 1 to 256"),
        ({"path": "x", "classes": True}, "must be an integer from 1 to 256"),
        ({"dataset": "mnist", "spilt": "test"}, "Extra inputs are not permitted"),
    ],
)
def test_bad_specs(values: dict[str, object], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        SourceSpec.model_validate(values)


def test_how_a_path_was_written_does_not_count() -> None:
    one = SourceSpec(path=Path("/data/digits"), shape=(28, 28), class_names=("a", "b"))
    other = SourceSpec(
        path=Path("/data/digits"), shape=(28, 28), class_names=("a", "b"), written_path="digits"
    )
    assert one == other
    assert hash(one) == hash(other)
    assert one != SourceSpec(path=Path("/data/digits"), shape=(28, 28), class_names=("b", "a"))
    assert SourceSpec.model_validate(one.model_dump(mode="json")) == one
