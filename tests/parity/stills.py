# SPDX-License-Identifier: Apache-2.0
"""Compares the core's image predictor and everything mode with SAM2ImagePredictor and
SAM2AutomaticMaskGenerator: same weights, same pixels, same prompts.
"""

import argparse
import json
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
import torch
from PIL import Image
from safetensors import safe_open
from safetensors.torch import save_file
from sam2.automatic_mask_generator import SAM2AutomaticMaskGenerator
from sam2.build_sam import build_sam2
from sam2.sam2_image_predictor import SAM2ImagePredictor

import builtin_model
import reference  # noqa: F401  gives the reference its connected components
import seeded

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
MODEL = ROOT / "models" / "builtin" / "builtin.safetensors"
SEEDED_TINY = "seeded-tiny"
MODEL_HELP = ("a file of the built-in kind, a .pt of sam2.1-tiny, or seeded-tiny: sam2.1-tiny with "
              "seeded random weights")
FOLDER = ROOT.parent / "shared" / "data" / "images"
BOXES, CLICKS, SEQUENCES = 10, 20, 5


def prompts(random, width, height):
    """Requests as stills_answers reads them: boxes, single clicks, then sequences of a box or a
    click with three corrections."""
    def click(label=1):
        return [float(random.uniform(0, width)), float(random.uniform(0, height)), label]

    def box():
        w, h = random.uniform(0.05, 0.6) * width, random.uniform(0.05, 0.6) * height
        x, y = random.uniform(0, width - w), random.uniform(0, height - h)
        return [float(v) for v in (x, y, x + w, y + h)]

    requests = [{"id": i, "box": box()} for i in range(1, BOXES + 1)]
    requests += [{"id": 100 + i, "points": [click()]} for i in range(CLICKS)]
    for i in range(SEQUENCES):
        first = {"box": box()} if i % 2 == 0 else {"points": [click()]}
        requests.append({"id": 200 + i, **first})
        for _ in range(3):
            requests.append({"id": 200 + i, "action": "refine",
                             "points": [click(int(random.integers(2)))]})
    return requests


class Reference:
    """The official predictor with each object's clicks and former logits, as its example does."""

    def __init__(self, model, image):
        self.predictor = SAM2ImagePredictor(model)
        size = model.image_size
        self.predictor._bb_feat_sizes = [(size // s, size // s) for s in (4, 8, 16)]
        self.predictor.set_image(image)
        self.objects = {}

    def answer(self, request):
        """(low-resolution logits before clamping to +-32, IoU, mask)"""
        known = self.objects.setdefault(request["id"], {"points": [], "box": None, "logits": None})
        known["points"] += request.get("points", [])
        known["box"] = request.get("box", known["box"])
        points = known["points"]
        multimask = known["logits"] is None and known["box"] is None and len(points) == 1
        masks, ious, logits = self.predictor.predict(
            point_coords=np.array([p[:2] for p in points], np.float32) if points else None,
            point_labels=np.array([p[2] for p in points]) if points else None,
            box=np.array(known["box"], np.float32) if known["box"] else None,
            mask_input=None if known["logits"] is None else known["logits"][None],
            multimask_output=multimask)
        best = int(np.argmax(ious))
        known["logits"] = logits[best]
        return logits[best], float(ious[best]), masks[best] > 0


class Core:
    """Runs stills_answers on one image."""

    def __init__(self, program, model, image, folder):
        self.program, self.model, self.folder = program, model, pathlib.Path(folder)
        self.height, self.width, _ = image.shape
        header = f"P6 {self.width} {self.height} 255\n".encode()
        (self.folder / "image.ppm").write_bytes(header + image.tobytes())

    def ask(self, requests):
        out = self.folder / "answers"
        lines = "".join(json.dumps(request) + "\n" for request in requests)
        run = subprocess.run([self.program, self.model, self.folder / "image.ppm", out],
                             input=lines, text=True, stdout=subprocess.PIPE, check=True)
        self.seconds = [json.loads(line)["time"] for line in run.stdout.splitlines()]
        return out.read_bytes()

    def answers(self, requests):
        data, at = self.ask(requests), 0
        for _ in requests:
            h, w = np.frombuffer(data, np.int32, 2, at)
            iou, = np.frombuffer(data, np.float32, 1, at + 8)
            logits = np.frombuffer(data, np.float32, h * w, at + 12).reshape(h, w)
            at += 12 + 4 * h * w
            mask = np.frombuffer(data, np.uint8, self.width * self.height, at)
            at += self.width * self.height
            yield logits, float(iou), mask.reshape(self.height, self.width) > 0

    def everything(self, options):
        data = self.ask([{"everything": options}])
        count, = np.frombuffer(data, np.int32, 1)
        return np.frombuffer(data, np.uint8, offset=4).reshape(
            count, self.height, self.width) > 0


def iou(a, b):
    union = np.logical_or(a, b).sum()
    return np.logical_and(a, b).sum() / union if union else 1.0


def compare_prompts(model, core, image, random):
    """True when every answer agrees."""
    requests = prompts(random, core.width, core.height)
    official = Reference(model, image)
    errors, ious, scores = [], [], []
    for request, (logits, score, mask) in zip(requests, core.answers(requests), strict=True):
        true_logits, true_score, true_mask = official.answer(request)
        logits = np.clip(logits, -32, 32)
        errors.append(np.abs(logits - true_logits).max() / np.abs(true_logits).max())
        scores.append(abs(score - true_score))
        ious.append(iou(mask, true_mask))
    kinds = {"boxes": slice(0, BOXES), "clicks": slice(BOXES, BOXES + CLICKS),
             "refinements": slice(BOXES + CLICKS, None)}
    for kind, part in kinds.items():
        print(f"  {kind}: {len(ious[part])} answers, logits within {max(errors[part]):.1e} "
              f"(relative), IoU predictions within {max(scores[part]):.1e}, masks' IoU "
              f"mean {np.mean(ious[part]):.5f}, lowest {min(ious[part]):.5f}", flush=True)
    return max(errors) <= 1e-3 and min(ious) >= 0.995


def compare_everything(model, core, image, options):
    generator = SAM2AutomaticMaskGenerator(model, **options)
    size = model.image_size
    generator.predictor._bb_feat_sizes = [(size // s, size // s) for s in (4, 8, 16)]
    try:
        official = [found["segmentation"] for found in generator.generate(image)]
    except (IndexError, KeyError, RuntimeError) as problem:  # it cannot cope with no masks at all
        print(f"  everything {options}: the reference fails: {problem}")
        return True
    ours = core.everything(options)
    matched = sum(any(iou(mask, other) >= 0.9 for other in ours) for mask in official)
    share = matched / len(official) if official else 1.0
    print(f"  everything {options}: {len(ours)} masks, {len(official)} of the reference, "
          f"{100 * share:.1f} % of those matched", flush=True)
    return share >= 0.95 and abs(len(ours) - len(official)) <= 0.05 * len(official)


def shuffled(path, seed, folder):
    """The model with the values of each tensor in another order: weights that nobody trained."""
    with safe_open(path, framework="pt") as file:
        metadata = file.metadata()
        tensors = {name: file.get_tensor(name) for name in file.keys()}
    generator = torch.Generator().manual_seed(seed)
    for name, tensor in tensors.items():
        order = torch.randperm(tensor.numel(), generator=generator)
        tensors[name] = tensor.flatten()[order].reshape(tensor.shape)
    out = str(pathlib.Path(folder) / "shuffled.safetensors")
    save_file(tensors, out, metadata)
    return out


def tiny(path=None):
    """The reference's sam2.1-tiny."""
    return build_sam2("configs/sam2.1/sam2.1_hiera_t.yaml", path, device="cpu")


def load(path):
    """The reference's model of a file; official ones must be of sam2.1-tiny."""
    return tiny(path) if path.endswith(".pt") else builtin_model.build(path)


def file_of(name, folder):
    """The file of a model: `seeded-tiny` is made in the folder, others are files already."""
    if name != SEEDED_TINY:
        return name
    model = tiny()
    seeded.fill(model)
    path = pathlib.Path(folder) / "seeded-tiny.pt"
    torch.save({"model": model.state_dict()}, path)
    return str(path)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("images", nargs="*", type=pathlib.Path, metavar="IMAGE",
                        help="default: all of ../shared/data/images")
    parser.add_argument("--model", default=str(MODEL), help=MODEL_HELP)
    parser.add_argument("--shuffle", type=int, metavar="SEED",
                        help="shuffle the values of each of the model's tensors")
    parser.add_argument("--program", type=pathlib.Path,
                        default=ROOT / "build" / "tests" / "parity" / "stills_answers")
    parser.add_argument("--everything", action="append", type=json.loads, metavar="OPTIONS",
                        help="JSON of options of the generator, once for each comparison")
    parser.add_argument("--prompts-only", dest="everything", action="store_const", const=[])
    parser.add_argument("--width", type=int, default=640, help="images are shrunk to this width")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    images = arguments.images or sorted(FOLDER.glob("*.jpg"))
    if not images:
        sys.exit(f"there are no images in {FOLDER}")
    torch.set_grad_enabled(False)
    model_folder = tempfile.TemporaryDirectory()
    arguments.model = file_of(arguments.model, model_folder.name)
    if arguments.shuffle is not None:
        arguments.model = shuffled(arguments.model, arguments.shuffle, model_folder.name)
    model = load(arguments.model)
    loose = {"pred_iou_thresh": 0.3, "stability_score_thresh": 0.5}  # so that there are many masks
    everything = arguments.everything if arguments.everything is not None else [
        {"points_per_side": 16, **loose},
        {"points_per_side": 8, **loose, "crop_n_layers": 1},
        {"points_per_side": 12, **loose, "min_mask_region_area": 20}]
    good = True
    for path in images:
        picture = Image.open(path).convert("RGB")
        if picture.width > arguments.width:
            picture = picture.resize(
                (arguments.width, round(picture.height * arguments.width / picture.width)))
        image = np.array(picture)
        print(f"{path.name}, {picture.width}x{picture.height}", flush=True)
        with tempfile.TemporaryDirectory() as folder:
            core = Core(arguments.program, arguments.model, image, folder)
            good &= compare_prompts(model, core, image, np.random.default_rng(arguments.seed))
            for options in everything:
                good &= compare_everything(model, core, image, options)
    sys.exit(not good)


if __name__ == "__main__":
    main()
