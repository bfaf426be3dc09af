"""Names of distortions and parameters in other libraries, for "did you mean"."""

from collections.abc import Iterable, Mapping

from augforge.errors import did_you_mean, squash

# Names here -> names in torchvision, Albumentations, imgaug, Kornia, Keras, Augmentor and papers, without a leading
# "random". A name that corresponds to several steps here is listed at each of them.
_CALLED: Mapping[str, str] = {
    "aspect": "aspect_ratio stretch squeeze squash anisotropic_scale anisotropic_scaling",
    "background": (
        "paper shadow illumination lighting gradient texture uneven_lighting plasma_shadow plasma_brightness"
    ),
    "blur": (
        "gaussian_blur gauss_blur defocus defocus_blur box_blur average_blur mean_blur median_blur advanced_blur "
        "bilateral_blur lens_blur smooth smoothing gaussian_filter"
    ),
    "contrast": (
        "linear_contrast sigmoid_contrast log_contrast adjust_contrast brightness_contrast color_jitter "
        "colour_jitter photometric_distort contrast_range"
    ),
    "crop_and_pad": "crop pad padding center_crop centre_crop resized_crop crop_or_pad crop_to_fixed_size bad_crop",
    "elastic": (
        "elastic_transform elastic_transformation elastic_deformation elastic_distortion elastic_distortions "
        "grid_distortion grid_distort piecewise_affine thin_plate_spline optical_distortion warp warping deform "
        "deformation distort distortion local_distortion fisheye"
    ),
    "gap": "gaps break breaks broken_stroke broken_strokes stroke_gap pen_lift",
    "gaussian_noise": (
        "gauss_noise additive_gaussian_noise normal_noise white_noise noise add_noise additive_noise "
        "multiplicative_noise"
    ),
    "gray_level": (
        "brightness adjust_brightness brightness_range brightness_contrast brighten darken exposure intensity "
        "gamma gamma_contrast adjust_gamma add multiply multiply_brightness add_to_brightness color_jitter "
        "colour_jitter photometric_distort tone_curve grey_level gray_levels levels"
    ),
    "invert": "negative negate invert_img inversion inverse complement",
    "motion_blur": "camera_shake directional_blur linear_blur",
    "occlude": (
        "cutout cut_out erasing erase coarse_dropout grid_dropout mask masking xy_masking mask_dropout occlusion "
        "hide hide_and_seek rectangle cover grid_mask block_dropout"
    ),
    "perspective": (
        "perspective_transform homography projective projective_transform four_point_transform skew keystone"
    ),
    "pixel_dropout": "dropout drop_pixels drop_out",
    "pixel_noise": "noise add_noise uniform_noise replace_elementwise",
    "pixelate": (
        "downscale down_scale downsample downsampling low_resolution mosaic pixelation simulate_low_resolution"
    ),
    "rotate": (
        "rotation rotation_range rotations turn spin safe_rotate rotate_90 rot_90 angle affine affine_transform "
        "affine_transformation shift_scale_rotate"
    ),
    "salt_and_pepper": (
        "salt pepper salt_pepper salt_and_pepper_noise salt_pepper_noise impulse_noise impulse coarse_salt "
        "coarse_pepper coarse_salt_and_pepper"
    ),
    "scale": (
        "resize zoom zoom_range zoom_in zoom_out rescale scaling scale_x scale_y scale_jitter size resized_crop "
        "affine affine_transform affine_transformation shift_scale_rotate"
    ),
    "shear": ("shear_x shear_y shear_range shearing skew affine affine_transform affine_transformation"),
    "shift": (
        "translate translation translate_x translate_y translate_range move offset displace jitter_position "
        "width_shift height_shift width_shift_range height_shift_range affine affine_transform "
        "affine_transformation shift_scale_rotate"
    ),
    "shot_noise": "poisson_noise poisson additive_poisson_noise photon_noise iso_noise",
    "slant": "italic lean slope skew deslant",
    "smudge": "smear wipe smudging",
    "some_of": "compose_some n_of",
    "one_of": "choose choose_one",
    "stripe": "stripes bands banding scan_lines scanlines",
    "stroke_width": (
        "dilate dilation erode erosion thicken thin thinning thickness stroke_thickness line_width pen_width bold "
        "morphology morphological morphological_transform pen_thickness"
    ),
    "wave": "waves sine sine_wave sinusoid sinusoidal ripple tremble tremor",
}

# Intentionally absent: suggest nothing similar.
_ABSENT: Mapping[str, str] = {
    " Mirroring is left out: a mirrored character is another one, or none.": (
        "flip flips fliplr flipud flip_lr flip_ud hflip vflip horizontal_flip vertical_flip h_flip v_flip "
        "left_right flip_left_right flip_up_down flip_top_bottom mirror mirroring transpose d4 reflect reflection"
    ),
    " Images are gray: there are no colors to change.": (
        "color colour hue saturation hue_saturation hue_saturation_value adjust_hue adjust_saturation grayscale "
        "greyscale to_gray to_grey to_grayscale channel_shuffle channel_dropout channel_permutation rgb_shift"
    ),
    " Mixing images mixes labels; do that while training.": "mixup mix_up cutmix cut_mix augmix aug_mix mosaic_mix",
    " Normalizing is no step: write 'normalize: true' beside 'distort'.": "normalize normalise to_tensor",
    "": (
        "sharpen sharpness adjust_sharpness unsharp_mask emboss equalize equalise clahe autocontrast auto_contrast "
        "posterize solarize jpeg jpeg_compression image_compression rain snow fog clouds spatter superpixels "
        "rand_augment trivial_augment auto_augment"
    ),
}

# Only names with about the same meaning: imgaug's alpha, for example, is not a displacement.
_PARAMETERS: Mapping[str, str] = {
    "degrees": "angle angles deg",
    "probability": "p prob chance",
    "sd": "std stddev std_dev sigma",
    "sigma": "sd std stddev std_dev",
    "smoothness": "sigma",
    "x": "dx translate_x shift_x",
    "y": "dy translate_y shift_y",
}


def _invert(called: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    """Map each other name, squashed, to all names here."""
    found: dict[str, tuple[str, ...]] = {}
    for ours, others in called.items():
        for other in {squash(name) for name in others.split()}:
            found[other] = (*found.get(other, ()), ours)
    return found


_NOTES = {name: notes[0] for name, notes in _invert(_ABSENT).items()}
_STEPS = {**_invert(_CALLED), **dict.fromkeys(_NOTES, ())}

PARAMETER_SYNONYMS = _invert(_PARAMETERS)
"""Other names of a step's keys, squashed, and the names here."""


def step_meant(word: str, allowed: Iterable[str]) -> str:
    """Return a hint such as ``" Did you mean 'blur'?"``, or an empty string."""
    note = _NOTES.get(squash(word), "") or _NOTES.get(squash(word).removeprefix("random"), "")
    return note or did_you_mean(word, allowed, _STEPS)
