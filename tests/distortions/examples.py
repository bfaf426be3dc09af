"""What each distortion looks like in a recipe: strong, and with every kind of parameter."""

from typing import Any

EXAMPLES: dict[str, list[dict[str, Any]]] = {
    "aspect": [{"ratio": [0.5, 2]}],
    "background": [
        {
            "level": [20, 60],
            "gradient": [0, 80],
            "degrees": [-180, 180],
            "texture": [2, 20],
            "grain": [0.5, 6],
        },
        {"texture": 15},
        {"gradient": {"choice": [0, 50]}},
    ],
    "blur": [{"sigma": [0.3, 3]}, {"sigma": 8}],
    "contrast": [
        {"factor": [0, 3]},
        {"factor": {"log_uniform": {"low": 0.5, "high": 2}}, "middle": [50, 200]},
    ],
    "crop_and_pad": [{"left": [-6, 6], "right": [-6, 6], "top": [-6, 6], "bottom": [-6, 6]}, {"left": 3}],
    "elastic": [
        {"displacement": [0, 3], "smoothness": [2, 8]},
        {"displacement": 1.96, "smoothness": 4},
        {"displacement": [5, 20], "smoothness": {"choice": [1, 3]}},
    ],
    "gap": [{"count": [0, 8], "length": [0.5, 5]}, {"count": 1, "length": 3}],
    "gaussian_noise": [{"sd": [1, 40]}, {"sd": 255}],
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
    "invert": [{}],
    "motion_blur": [{"length": [0, 9], "degrees": [0, 180]}, {"length": 32}],
    "occlude": [
        {"width": [0, 12], "height": [0, 12], "level": [0, 255]},
        {"width": 99, "height": {"choice": [1, 3]}},
    ],
    "perspective": [{"x": [-0.4, 0.4], "y": [-0.4, 0.4]}, {"y": 0.2}],
    "pixel_dropout": [{"fraction": [0, 0.3]}, {"fraction": 1}],
    "pixel_noise": [
        {"fraction": [0, 0.2], "value": [128, 255]},
        {"fraction": 0.1, "value": {"choice": [10, 250]}},
    ],
    "pixelate": [{"size": [1, 5]}, {"size": 64}],
    "rotate": [{"degrees": [-30, 30]}, {"degrees": {"triangular": {"low": -360, "mode": 0, "high": 360}}}],
    "salt_and_pepper": [{"fraction": [0, 0.3], "salt": [0, 1]}, {"fraction": 1}],
    "scale": [
        {"factor": {"log_uniform": {"low": 0.5, "high": 2}}},
        {"x": [0.5, 1.5], "y": [0.5, 1.5]},
        {"y": 0.1},
    ],
    "shear": [{"x": [-40, 40]}, {"x": [-20, 20], "y": [-20, 20]}],
    "shift": [{"x": [-5, 5], "y": {"uniform": {"low": -5, "high": 5}}}, {"y": 3}],
    "shot_noise": [{"strength": [0.01, 0.6]}, {"strength": 1}],
    "slant": [{"degrees": [-30, 30]}],
    "smudge": [
        {"length": [0, 10], "degrees": [-180, 180], "strength": [0, 1]},
        {"length": 3, "degrees": 45, "strength": 0.5},
    ],
    "stripe": [
        {"amplitude": [5, 60], "period": [1, 14], "degrees": [0, 180]},
        {"amplitude": 255, "period": 4096},
    ],
    "stroke_width": [{"pixels": [-4, 6]}, {"pixels": -1}],
    "wave": [{"amplitude": [0, 2], "wavelength": [6, 20]}, {"amplitude": 8, "wavelength": 4}],
}
