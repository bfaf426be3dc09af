"""What each distortion looks like in a recipe: strong, and with every kind of parameter."""

from typing import Any

EXAMPLES: dict[str, list[dict[str, Any]]] = {
    "gap": [{"count": [0, 8], "length": [0.5, 5]}, {"count": 1, "length": 3}],
    "gray_level": [
        {
            "gain": [0.5, 1.5],
            "bias": [-30, 30],
            "gamma": {"normal": {"mean": 1, "sd": 0.2, "low": 0.5, "high": 2}},
        },
        {"gain": {"choice": {"values": [0.5, 2], "weights": [1, 3]}}},
        {"bias": 20},
        {"gamma": {"log_uniform": {"low": 0.2, "high": 5}}},
    ],
    "imgaug": [
        {"augmenter": "GaussianBlur", "sigma": [0.5, 1.0]},
        {"augmenter": "AdditiveGaussianNoise", "scale": [5, 20]},
        {"augmenter": "AverageBlur", "k": {"choice": [2, 3, 5]}},
        {"augmenter": "ElasticTransformation", "alpha": [5, 10], "sigma": 4, "mode": "constant"},
        {"augmenter": "MotionBlur", "k": 3, "angle": [0, 180]},
    ],
    "pixel_dropout": [{"fraction": [0, 0.3]}, {"fraction": 1}],
    "pixel_noise": [
        {"fraction": [0, 0.2], "value": [128, 255]},
        {"fraction": 0.1, "value": {"choice": [10, 250]}},
    ],
    "rotate": [{"degrees": [-30, 30]}, {"degrees": {"triangular": {"low": -360, "mode": 0, "high": 360}}}],
    "scale": [
        {"factor": {"log_uniform": {"low": 0.5, "high": 2}}},
        {"x": [0.5, 1.5], "y": [0.5, 1.5]},
        {"y": 0.1},
    ],
    "shear": [{"x": [-40, 40]}, {"x": [-20, 20], "y": [-20, 20]}],
    "shift": [{"x": [-5, 5], "y": {"uniform": {"low": -5, "high": 5}}}, {"y": 3}],
    "smudge": [
        {"length": [0, 10], "degrees": [-180, 180], "strength": [0, 1]},
        {"length": 3, "degrees": 45, "strength": 0.5},
    ],
    "stroke_width": [{"pixels": [-4, 6]}, {"pixels": -1}],
}
