"""Names from other libraries lead to ours, and nothing is suggested where nothing is meant."""

import pytest

from augforge.distortions import catalog, synonyms
from augforge.distortions.synonyms import PARAMETER_SYNONYMS, step_meant
from augforge.errors import did_you_mean

ALLOWED = [*catalog.names(), "one_of", "some_of"]


def meant(word: str) -> list[str]:
    return [part for part in step_meant(word, ALLOWED).split("'")[1::2] if part in ALLOWED]


@pytest.mark.parametrize(
    ("word", "ours"),
    [
        ("gaussian_blur", ["blur"]),
        ("GaussianBlur", ["blur"]),
        ("translate", ["shift"]),
        ("TranslateX", ["shift"]),
        ("width_shift_range", ["shift"]),
        ("cutout", ["occlude"]),
        ("random_erasing", ["occlude"]),
        ("RandomErasing", ["occlude"]),
        ("coarse_dropout", ["occlude"]),
        ("dropout", ["pixel_dropout"]),
        ("salt", ["salt_and_pepper"]),
        ("affine", ["rotate", "scale", "shear", "shift"]),
        ("RandomAffine", ["rotate", "scale", "shear", "shift"]),
        ("ShiftScaleRotate", ["rotate", "scale", "shift"]),
        ("brightness", ["gray_level"]),
        ("ColorJitter", ["contrast", "gray_level"]),
        ("RandomBrightnessContrast", ["contrast", "gray_level"]),
        ("random_gamma", ["gray_level"]),
        ("resize", ["scale"]),
        ("zoom", ["scale"]),
        ("shear_x", ["shear"]),
        ("elastic_transform", ["elastic"]),
        ("ElasticTransformation", ["elastic"]),
        ("PiecewiseAffine", ["elastic"]),
        ("AdditiveGaussianNoise", ["gaussian_noise"]),
        ("noise", ["gaussian_noise", "pixel_noise"]),
        ("poisson", ["shot_noise"]),
        ("dilate", ["stroke_width"]),
        ("erosion", ["stroke_width"]),
        ("downscale", ["pixelate"]),
        ("RandomCrop", ["crop_and_pad"]),
        ("CropAndPad", ["crop_and_pad"]),
        ("InvertImg", ["invert"]),
        ("homography", ["perspective"]),
        ("RandomRotation", ["rotate"]),
        ("Rotate", ["rotate"]),
        ("rotat", ["rotate"]),
        ("gausian_blurr", ["blur"]),
        ("oneof", ["one_of"]),
    ],
)
def test_other_names(word: str, ours: list[str]) -> None:
    assert meant(word) == ours


@pytest.mark.parametrize(
    ("word", "says"),
    [
        ("flip", "Mirroring is left out"),
        ("RandomHorizontalFlip", "Mirroring is left out"),
        ("Fliplr", "Mirroring is left out"),
        ("hue", "Images are gray"),
        ("mixup", "Mixing images mixes labels"),
        ("normalize", "write 'normalize: true' beside 'distort'"),
        ("sharpen", ""),
        ("posterize", ""),
        ("hflipp", ""),
    ],
)
def test_what_is_left_out_on_purpose_leads_nowhere_else(word: str, says: str) -> None:
    hint = step_meant(word, ALLOWED)
    assert "Did you mean" not in hint
    assert says in hint
    assert bool(hint) == bool(says)


def test_every_synonym_stands_for_something_that_there_is_and_for_nothing_else() -> None:
    kinds = [catalog.find(name) for name in catalog.built_in()]
    parameters = {parameter.name for kind in kinds for parameter in kind.parameters()} | {"probability"}
    assert set(synonyms._CALLED) <= set(ALLOWED)
    assert set(synonyms._PARAMETERS) <= parameters
    for ours, names in (*synonyms._CALLED.items(), *synonyms._ABSENT.items()):
        listed = names.split()
        assert len(listed) == len(set(listed)), ours
        assert not set(listed) & set(ALLOWED), ours
    assert not set(synonyms._NOTES) & {name for name, meant in synonyms._STEPS.items() if meant}


@pytest.mark.parametrize(
    ("word", "allowed", "ours"),
    [
        ("angle", ["degrees", "probability"], "degrees"),
        ("p", ["degrees", "probability"], "probability"),
        ("std", ["sd", "id"], "sd"),
    ],
)
def test_parameters(word: str, allowed: list[str], ours: str) -> None:
    assert did_you_mean(word, allowed, PARAMETER_SYNONYMS) == f" Did you mean '{ours}'?"
