"""The examples run as they are, as programs of their own."""

import json
import os
import re
import shutil
import struct
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image

import augforge
from augforge.sources import SourceSpec, open_source

pytest.importorskip("torch")

EXAMPLES = Path(__file__).parents[1] / "examples"
TINY = ("--quick", "--variants", "1", "--steps", "20", "--seeds", "2")


def run(*arguments: str | Path, example: str = "train_digits") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(EXAMPLES / example / f"{example}.py"), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=110)


def write_idx(folder: Path, split: str, samples: int, shape: tuple[int, int] = (20, 12)) -> None:
    """Write random images and labels as IDX files."""
    random = np.random.default_rng(samples)
    images = random.integers(256, size=(samples, *shape), dtype=np.uint8)
    images[:, 0], images[:, -1], images[:, :, 0], images[:, :, -1] = 0, 0, 0, 0
    head = struct.pack(">4i", 0x803, *images.shape)
    (folder / f"{split}-images-idx3-ubyte").write_bytes(head + images.tobytes())
    labels = random.integers(3, size=samples, dtype=np.uint8)
    head = struct.pack(">2i", 0x801, samples)
    (folder / f"{split}-labels-idx1-ubyte").write_bytes(head + labels.tobytes())


def build(folder: Path, more: str, split: str = "train") -> Path:
    """Build a data set from the IDX files in a folder."""
    source = f"source: {{path: ., split: {split}}}\n"
    recipe = "version: 1\nname: own\ndistort: [rotate: {degrees: 9}]\n" + source + more
    augforge.build(augforge.parse_recipe(recipe, folder), folder / "set", workers=1)
    return folder / "set"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("train-digits") / "shards"


@pytest.fixture(scope="module")
def result(folder: Path) -> dict:
    done = run(folder, *TINY, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.slow("trains or builds as a program")
class TestTrainDigits:
    def test_builds_the_shards_it_trains_on(self, result: dict, folder: Path) -> None:
        manifest = json.loads((folder / "manifest.json").read_text())
        assert manifest["samples"] == result["training_samples"]["augmented"] == 16_000

    def test_both_networks_make_the_same_number_of_steps(self, result: dict) -> None:
        assert result["training_samples"]["originals"] == 8_000
        assert result["steps"] == 20
        assert result["samples_seen"] == 20 * 128

    def test_every_seed_is_run_on_both(self, result: dict) -> None:
        assert [(run["trained_on"], run["seed"]) for run in result["runs"]] == [
            ("originals", 0),
            ("augmented", 0),
            ("originals", 1),
            ("augmented", 1),
        ]

    def test_it_learns(self, result: dict) -> None:
        assert all(run["test"] > 20 and run["distorted"] > 20 for run in result["runs"])

    def test_again_it_keeps_the_shards_and_says_the_same(self, result: dict, folder: Path) -> None:
        built = (folder / "manifest.json").stat().st_mtime_ns
        done = run(folder, *TINY)
        assert done.returncode == 0, done.stderr
        assert (folder / "manifest.json").stat().st_mtime_ns == built
        for name in ("originals", "augmented"):
            right = [run["test"] for run in result["runs"] if run["trained_on"] == name]
            row = next(line for line in done.stdout.splitlines() if line.startswith(name))
            assert f"{sum(right) / 2:.2f} ±" in row
        assert "never score a model here that was trained on" in done.stdout

    def test_a_data_set_of_any_recipe_is_taken_as_it_is(self, tmp_path: Path) -> None:
        write_idx(tmp_path, "train", samples=200)
        write_idx(tmp_path, "test", samples=50)
        folder = build(tmp_path, "variants: 3\nkeep_originals: false\n")
        built = (folder / "manifest.json").stat().st_mtime_ns
        done = run(folder, *TINY, "--json")
        assert done.returncode == 0, done.stderr
        result = json.loads(done.stdout)
        assert result["training_samples"] == {"originals": 200, "augmented": 600}
        assert result["test_samples"] == {"test": 50, "distorted": 250}
        assert (folder / "manifest.json").stat().st_mtime_ns == built

    @pytest.mark.parametrize(
        ("split", "message"),
        [
            ("train", "has no test split to measure with: "),
            ("test", "was made from the test split: nothing is left to measure with"),
        ],
    )
    def test_a_data_set_that_will_not_do_is_refused(self, split: str, message: str, tmp_path: Path) -> None:
        write_idx(tmp_path, split, samples=200)
        done = run(build(tmp_path, "variants: 1\n", split), *TINY)
        assert done.returncode == 2
        assert "train_digits.py: error: " in done.stderr
        assert message in done.stderr
        assert "Traceback" not in done.stderr

    def test_a_folder_of_something_else_is_refused(self, tmp_path: Path) -> None:
        (tmp_path / "letters.txt").write_text("Dear Emma")
        done = run(tmp_path, *TINY)
        assert done.returncode == 2
        assert "train_digits.py: error: " in done.stderr
        assert "holds no data set" in done.stderr
        assert "Traceback" not in done.stderr

    def test_drawn_digits_of_any_size_are_measured_with(self, tmp_path: Path) -> None:
        write_idx(tmp_path, "train", samples=200, shape=(28, 28))
        write_idx(tmp_path, "test", samples=50, shape=(28, 28))
        write_idx(tmp_path, "drawn", samples=30, shape=(70, 50))
        folder = build(tmp_path, "variants: 1\n")
        done = run(folder, *TINY, "--drawn", tmp_path, "--json")
        assert done.returncode == 0, done.stderr
        result = json.loads(done.stdout)
        assert result["test_samples"] == {"test": 50, "distorted": 250, "raw": 30, "normalized": 30}
        assert all(0 <= run[test] <= 100 for run in result["runs"] for test in ("raw", "normalized"))

    def test_the_drawn_digits_have_a_table_of_their_own(self, folder: Path, tmp_path: Path) -> None:
        write_idx(tmp_path, "drawn", samples=30, shape=(70, 50))
        done = run(folder, "--steps", "2", "--seeds", "1", "--drawn", tmp_path)
        assert done.returncode == 0, done.stderr
        assert "raw right" in done.stdout
        assert re.search(
            r"\nraw has few digits; .*, \d+ of 30 right: \d+ to \d+ % \(95 % interval\)\n", done.stdout
        )
        assert "raw        30 digits drawn on canvases" in done.stdout

    def test_drawn_digits_need_a_network_of_their_size(self, tmp_path: Path) -> None:
        for split in ("train", "test", "drawn"):
            write_idx(tmp_path, split, samples=200)
        done = run(build(tmp_path, "variants: 1\n"), *TINY, "--drawn", tmp_path)
        assert done.returncode == 2
        assert "--drawn needs a data set of 28 x 28 pixels, not 20 x 12" in done.stderr


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("your-own") / "out"
    done = run("--out", out, "--variants", "2", "--epochs", "2", example="your_own_digits")
    assert done.returncode == 0, done.stderr
    (out / "said.txt").write_text(done.stdout)
    return out


@pytest.mark.slow("trains or builds as a program")
class TestYourOwnDigits:
    def test_without_a_folder_it_draws_digits_and_says_so(self, out: Path) -> None:
        said = (out / "said.txt").read_text()
        assert said.startswith("No folder given: drew bundled digits in")
        assert "240 originals in 720 forms" in said
        sizes = set()
        for file in out.glob("drawings/*/*.png"):
            with Image.open(file) as drawing:
                sizes.add(drawing.size)
                assert drawing.getpixel((0, 0)) == 250
        assert len(sizes) > 200

    def test_what_it_writes(self, out: Path) -> None:
        recipe = augforge.load_recipe(out / "my_digits.yaml")
        assert recipe.normalize == augforge.Normalizer()
        realistic = augforge.load_recipe("realistic")
        small_and_far = {"scale-small", "shift-far"}
        assert recipe.distort == tuple(step for step in realistic.distort if step.id not in small_and_far)
        assert recipe.guard == realistic.guard
        assert recipe.source.colour == "gray"
        manifest = json.loads((out / "shards" / "manifest.json").read_text())
        assert manifest["samples"] == 900
        with Image.open(out / "prediction.png") as picture:
            assert picture.size == (720, 280)

    def test_a_folder_and_picture_of_ones_own(self, out: Path, tmp_path: Path) -> None:
        folder = tmp_path / "ünsere {digits}"
        for label, name in enumerate(("nought", "one")):
            shutil.copytree(out / "drawings" / str(label), folder / name)
        picture = folder / "one" / "0.png"
        arguments = ("--out", tmp_path / "out", "--variants", "5", "--epochs", "4")
        done = run(folder, picture, *arguments, example="your_own_digits")
        assert done.returncode == 0, done.stderr
        assert "No folder given" not in done.stdout
        assert "0.png: one (" in done.stdout

    def test_what_is_no_folder_of_classes_is_refused(self, out: Path, tmp_path: Path) -> None:
        folder = out / "drawings" / "7"
        done = run(folder, out / "new.png", "--out", tmp_path, example="your_own_digits")
        assert done.returncode == 2
        assert "your_own_digits.py: error: " in done.stderr
        assert "must contain one folder of pictures per class" in done.stderr

    def test_a_new_picture_without_ink_is_told_before_anything_is_built(
        self, out: Path, tmp_path: Path
    ) -> None:
        blank = tmp_path / "blank.png"
        Image.new("L", (60, 60), 255).save(blank)
        done = run(out / "drawings", blank, "--out", tmp_path / "out", example="your_own_digits")
        assert done.returncode == 2
        assert f"error: {blank}: it has no ink" in done.stderr
        assert not (tmp_path / "out").exists()

    def test_the_pictures_folder_is_no_place_for_results(self, out: Path) -> None:
        folder = out / "drawings"
        done = run(folder, out / "new.png", "--out", folder / "out", example="your_own_digits")
        assert done.returncode == 2
        assert "is inside the folder of pictures" in done.stderr
        assert not (folder / "out").exists()


@pytest.mark.slow("trains or builds as a program")
class TestKaggleDigits:
    def test_the_demo_writes_a_submission(self, tmp_path: Path) -> None:
        arguments = ("--demo", "--out", tmp_path, "--variants", "1", "--steps", "60")
        done = run(*arguments, example="kaggle_digits")
        assert done.returncode == 0, done.stderr
        assert "1,800 originals in 3,600 forms" in done.stdout
        assert re.search(r"\(held-out originals: \d+ of 200 right: \d+ to \d+ %\)", done.stdout)
        lines = (tmp_path / "submission.csv").read_text().splitlines()
        assert lines[0] == "ImageId,Label"
        numbers, labels = zip(*(map(int, line.split(",")) for line in lines[1:]), strict=True)
        assert numbers == tuple(range(1, 501))
        test = open_source(SourceSpec(dataset="mnist-10k", split="test"))
        assert (np.array(labels) == test.labels[:500]).mean() > 0.5  # in the order of test.csv

    def test_the_files_the_wrong_way_round_are_refused(self, tmp_path: Path) -> None:
        head = ",".join(f"pixel{number}" for number in range(784))
        test = tmp_path / "test.csv"
        test.write_text(f"{head}\n" + ",".join(["9"] * 784) + "\n")
        done = run(test, test, "--out", tmp_path / "out", example="kaggle_digits")
        assert done.returncode == 2
        assert done.stderr.endswith(f"kaggle_digits.py: error: {test} has no labels to train with\n")

    def test_files_that_do_not_go_together_are_told_before_anything_is_built(self, tmp_path: Path) -> None:
        for name, pixels, label in (("train", 784, "1,"), ("small", 16, "")):
            head = ",".join(["label"] * bool(label) + [f"pixel{number}" for number in range(pixels)])
            (tmp_path / f"{name}.csv").write_text(f"{head}\n{label}" + ",".join(["9"] * pixels) + "\n")
        out = tmp_path / "out"
        for test, message in (("small", "must both have 784 pixels"), ("train", "has labels")):
            files = (tmp_path / "train.csv", tmp_path / f"{test}.csv")
            done = run(*files, "--out", out, example="kaggle_digits")
            assert done.returncode == 2
            assert message in done.stderr
        assert not out.exists()

    def test_a_few_digits_are_enough(self, tmp_path: Path) -> None:
        test = open_source(SourceSpec(dataset="mnist-10k", split="test"))
        head = ",".join(f"pixel{number}" for number in range(784))
        rows = [",".join(map(str, image.reshape(-1))) for image in test.images[:20]]
        (tmp_path / "test.csv").write_text("\n".join([head, *rows]) + "\n")
        rows = [f"{label},{row}" for label, row in zip(test.labels, rows, strict=False)]
        (tmp_path / "train.csv").write_text("\n".join([f"label,{head}", *rows]) + "\n")
        arguments = ("--out", tmp_path, "--variants", "1", "--steps", "3")
        done = run(tmp_path / "train.csv", tmp_path / "test.csv", *arguments, example="kaggle_digits")
        assert done.returncode == 0, done.stderr

    @pytest.mark.parametrize("arguments", [(), ("train.csv",), ("--demo", "train.csv", "test.csv")])
    def test_files_or_the_demo(self, arguments: tuple[str, ...]) -> None:
        done = run(*arguments, example="kaggle_digits")
        assert done.returncode == 2
        assert "give train.csv and test.csv, or --demo" in done.stderr


@pytest.mark.parametrize("example", ["train_digits", "your_own_digits", "kaggle_digits"])
def test_numbers_are_from_1_up(example: str) -> None:
    done = run("--variants", "0", example=example)
    assert done.returncode == 2
    assert "--variants: got '0', expected an integer of 1 or more" in done.stderr


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder in which the example's package is installed, from its wheel."""
    pytest.importorskip("hatchling")
    folder = tmp_path_factory.mktemp("your-own-distortion")
    source = shutil.copytree(EXAMPLES / "your_own_distortion", folder / "source")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder]
    subprocess.run(build, cwd=source, check=True, capture_output=True)
    (wheel,) = folder.glob("augforge_fade-1.0-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "site")
    return folder / "site"


class TestYourOwnDistortion:
    FOLDER = EXAMPLES / "your_own_distortion"

    def run(self, site: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        path = os.pathsep.join([str(site), str(EXAMPLES.parent)])
        return subprocess.run(
            [sys.executable, "-m", *map(str, arguments)],
            env={**os.environ, "PYTHONPATH": path},
            cwd=site.parent,
            capture_output=True,
            text=True,
            timeout=110,
        )

    def test_it_is_short(self) -> None:
        assert len((self.FOLDER / "augforge_fade.py").read_text().splitlines()) < 60

    @pytest.mark.slow("trains or builds as a program")
    def test_its_own_tests_pass(self, site: Path) -> None:
        done = self.run(site, "pytest", "-q", "-p", "no:cacheprovider", self.FOLDER)
        assert done.returncode == 0, done.stdout
        assert "skipped" not in done.stdout

    def test_the_catalogue_has_it(self, site: Path) -> None:
        done = self.run(site, "augforge", "distortions", "fade")
        assert (done.returncode, done.stdout.partition(":")[0]) == (0, "fade (of the package augforge-fade)")

    @pytest.mark.slow("trains or builds as a program")
    def test_its_recipe_is_previewed(self, site: Path, tmp_path: Path) -> None:
        out = tmp_path / "fading.png"
        done = self.run(site, "augforge", "preview", self.FOLDER / "fading.yaml", "--out", out)
        assert done.returncode == 0, done.stderr
        assert out.exists()

    @pytest.mark.slow("trains or builds as a program")
    def test_its_recipe_is_built_and_the_data_set_says_with_what(self, site: Path, tmp_path: Path) -> None:
        arguments = ("--set", "variants=1", "--set", "output.shard_size=8192", "--workers", "2", "--quiet")
        recipe = self.FOLDER / "fading.yaml"
        done = self.run(site, "augforge", "build", recipe, "--out", tmp_path / "set", *arguments)
        assert done.returncode == 0, done.stderr
        manifest = json.loads((tmp_path / "set" / "manifest.json").read_text())
        assert manifest["versions"]["augforge-fade"] == "1.0"
        assert "steps that other packages render" in manifest["sameness"]

    def test_without_its_package_the_recipe_is_refused(self, tmp_path: Path) -> None:
        done = self.run(tmp_path, "augforge", "check", self.FOLDER / "fading.yaml")
        assert done.returncode == 2
        assert "unknown distortion 'fade'" in done.stderr


class TestClusters:
    FOLDER = EXAMPLES / "clusters"

    @pytest.mark.slow("trains or builds as a program")
    def test_on_loopback_it_is_the_same_data_set(self, tmp_path: Path) -> None:
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        options = ("--set", "variants=2", "--set", "output.shard_size=8192")
        done = subprocess.run(
            [self.FOLDER / "loopback.sh", tmp_path / "set", "--json", *options],
            env={**os.environ, "PATH": path, "PYTHONPATH": str(EXAMPLES.parent)},
            capture_output=True,
            text=True,
            timeout=110,
        )
        assert done.returncode == 0, done.stderr
        recipe = augforge.load_recipe("realistic", ("variants=2",))
        here = augforge.build(recipe, tmp_path / "here", workers=1)
        assert json.loads(done.stdout)["content_hash"] == here.content_hash

    def test_slurms_needs_dask_jobqueue(self) -> None:
        code = "import sys, runpy; sys.modules['dask_jobqueue'] = None; sys.argv[1:] = ['gentle', '--out', 'x']; "
        code += f"runpy.run_path({str(self.FOLDER / 'slurm.py')!r}, run_name='__main__')"
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
        assert done.returncode == 2
        assert "pip install dask-jobqueue" in done.stderr
        assert "Traceback" not in done.stderr

    def test_slurms_job_is_one_worker_of_one_thread(self, tmp_path: Path) -> None:
        pytest.importorskip("dask_jobqueue")
        done = subprocess.run(
            [sys.executable, self.FOLDER / "slurm.py", "realistic", "--out", tmp_path, "--show-job"],
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 0, done.stderr
        for part in ("#SBATCH --cpus-per-task=1", "--nthreads 1 ", "--lifetime 110m --lifetime-stagger 5m"):
            assert part in done.stdout

    def test_kubernetes_has_one_image_one_volume_and_one_address(self) -> None:
        claim, cluster, job = yaml.safe_load_all((self.FOLDER / "kubernetes.yaml").read_text())
        assert [part["kind"] for part in (claim, cluster, job)] == [
            "PersistentVolumeClaim",
            "DaskCluster",
            "Job",
        ]
        pods = [
            cluster["spec"]["worker"]["spec"],
            cluster["spec"]["scheduler"]["spec"],
            job["spec"]["template"]["spec"],
        ]
        (worker,), (scheduler,), (build,) = (pod["containers"] for pod in pods)
        images = {container["image"] for container in (worker, scheduler, build)}
        assert images == {f"registry.example/augforge:{augforge.__version__}"}
        for pod, container in ((pods[0], worker), (pods[2], build)):
            (volume,), (mount,) = pod["volumes"], container["volumeMounts"]
            assert volume["persistentVolumeClaim"]["claimName"] == claim["metadata"]["name"]
            assert (mount["name"], mount["mountPath"]) == (volume["name"], "/data")
        out = build["args"][build["args"].index("--out") + 1]
        assert out.startswith("/data/")
        assert build["args"][-1] == f"tcp://{cluster['metadata']['name']}-scheduler:8786"
        assert worker["args"][worker["args"].index("--nthreads") + 1] == "1"
        ports = {port["name"]: port["containerPort"] for port in scheduler["ports"]}
        for port in cluster["spec"]["scheduler"]["service"]["ports"]:
            assert ports[port["targetPort"]] == port["port"]
        selector = cluster["spec"]["scheduler"]["service"]["selector"]
        assert selector["dask.org/cluster-name"] == cluster["metadata"]["name"]
