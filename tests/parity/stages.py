# SPDX-License-Identifier: Apache-2.0
"""Compares one member with the reference, stage by stage and over a whole video.

Both get the same weights (a .pt file as torch.save writes it) and the same inputs. Run it by `run`.
"""

import argparse
import collections
import json
import pathlib
import subprocess
import sys
import tempfile
import time

import numpy as np
import torch
from safetensors.torch import load_file, save_file

import members
import seeded
from sequences import iou

FRAMES = 20
MEAN = torch.tensor([0.485, 0.456, 0.406])[:, None, None]
STD = torch.tensor([0.229, 0.224, 0.225])[:, None, None]

# Largest difference relative to the largest value of a stage; memories are kept in bfloat16,
# where one step is 2^-8.
TOLERANCE = {"memory.soft": 0.01, "memory.binary": 0.01}
DEFAULT_TOLERANCE = 2e-4
LEAST_IOU, LEAST_MEAN_IOU = 0.9, 0.995

# Prompts of the video, in hundredths of the frame's side.
SCRIPT = [
    dict(frame=0, id=1, box=[20, 20, 60, 60]),
    dict(frame=0, id=2, points=[[70, 30, 1]]),
    dict(frame=5, id=3, mask="video.mask"),
    dict(frame=5, id=1, action="refine", points=[[40, 40, 1], [80, 80, 0]]),
    dict(frame=7, id=1, action="refine", points=[[35, 45, 1]]),
    dict(frame=9, id=1, action="refine", points=[[30, 50, 0]]),
    dict(frame=11, id=1, action="refine", box=[25, 25, 70, 65]),
    dict(frame=12, id=4, box=[50, 50, 90, 95], points=[[60, 70, 1]]),
    dict(frame=12, id=5, points=[[20, 80, 1], [60, 20, 0]]),
    dict(frame=12, id=2, action="refine", points=[[75, 35, 1]]),
]


def script(size):
    scale = size / 100
    return [{**prompt,
             **{key: (np.array(prompt[key], float) * scale).tolist()
                for key in ("box",) if key in prompt},
             **{"points": [[x * scale, y * scale, label] for x, y, label in prompt["points"]]
                for _ in [0] if "points" in prompt}}
            for prompt in SCRIPT]


def draw(size):
    """[F, size, size, 3] uint8: coloured discs that wander over a pattern."""
    y, x = np.mgrid[:size, :size] / size
    frames = []
    for f in range(FRAMES):
        image = np.stack([100 + 60 * np.sin(17 * x + k + 5 * y) * np.cos((9 + k) * y)
                          for k in range(3)], -1)
        for k, (cx, cy, radius) in enumerate([(0.4 + 0.01 * f, 0.4, 0.18), (0.7, 0.3 + 0.02 * f, 0.1),
                                              (0.25, 0.8 - 0.03 * f, 0.12)]):
            if k == 1 and 8 <= f < 14:
                continue  # gone for a while
            image[(x - cx) ** 2 + (y - cy) ** 2 < radius ** 2] = np.roll([230, 60, 30], k)
        frames.append(image)
    noise = seeded.uniform("frames", FRAMES * size * size * 3).reshape(FRAMES, size, size, 3)
    return np.clip(np.stack(frames) + 12 * noise, 0, 255).astype(np.uint8)


def normalise(frames):
    return (torch.from_numpy(frames / 255.0).permute(0, 3, 1, 2).float() - MEAN) / STD


def noise(name, *shape):
    return torch.from_numpy(
        seeded.uniform(name, int(np.prod(shape))).astype(np.float32).reshape(shape))


def make_inputs(predictor, size):
    frames = draw(size)
    y, x = torch.meshgrid(torch.arange(size) / size, torch.arange(size) / size, indexing="ij")
    disc = ((x - 0.4) ** 2 + (y - 0.45) ** 2 < 0.05).float()
    quarter = size // 4
    logits = torch.stack([10 * torch.sin(12 * x + k) * torch.cos(9 * y)
                          for k in range(2)])[:, None, ::4, ::4].contiguous()
    tokens = (quarter // 4) ** 2
    if members.EDGETAM:
        perceiver = predictor.spatial_perceiver
        tokens = perceiver.num_latents + perceiver.num_latents_2d
    inputs = {
        "image": normalise(frames)[:1].contiguous(),
        "mask": disc[None, None].contiguous(),
        "mask_logits": logits[:1].contiguous(),
        "memory.masks": logits,
        "memory.scores": torch.tensor([[3.0], [-2.0]]),
        "frames": torch.from_numpy(frames).float(),
        "video.mask": disc.contiguous(),
        "click.coords": torch.tensor([[[0.4, 0.45]]]) * size,
        "click.labels": torch.tensor([[1.0]]),
        "clicks.coords": torch.tensor([[[0.4, 0.45], [0.8, 0.7], [0.3, 0.5]]]) * size,
        "clicks.labels": torch.tensor([[1.0, 0.0, 1.0]]),
        "box.coords": torch.tensor([[[0.2, 0.25], [0.6, 0.65]]]) * size,
        "box.labels": torch.tensor([[2.0, 3.0]]),
        "none.coords": torch.zeros(1, 1, 2),
        "none.labels": torch.tensor([[-1.0]]),
    }
    for k in range(16):
        inputs[f"past.memory.{k}"] = noise(f"memory{k}", 1, tokens, 64).bfloat16().float()
        inputs[f"past.pointer.{k}"] = noise(f"pointer{k}", 1, predictor.hidden_dim)
    return inputs


def decode(predictor, features, high_res, points, masks):
    """MaskDecoder.predict_masks: all four masks, before any choice."""
    encoder = predictor.sam_prompt_encoder
    sparse, dense = encoder(points=points, boxes=None, masks=masks)
    return predictor.sam_mask_decoder.predict_masks(
        image_embeddings=features, image_pe=encoder.get_dense_pe(),
        sparse_prompt_embeddings=sparse, dense_prompt_embeddings=dense, repeat_image=False,
        high_res_features=high_res)


def tokens_first(x):
    """[B, C, H, W] or [B, T, C] -> [B, T, C]"""
    return x.flatten(2).transpose(1, 2) if x.dim() == 4 else x


def as_stored(tokens, side):
    """Memory tokens [1, T, C] in the form that the reference keeps: a map for SAM 2."""
    if members.EDGETAM:
        return tokens
    return tokens.transpose(1, 2).unflatten(2, (side, side))


def reference_encoder(predictor, image, out):
    """Returns the pyramid and the same as tokens with position codes."""
    for i, level in enumerate(predictor.image_encoder.trunk(image)):
        out[f"trunk.{i}"] = level
    backbone = predictor.forward_image(image)
    for i, level in enumerate(backbone["backbone_fpn"]):
        out[f"neck.{i}"] = level
    _, feats, pos, sizes = predictor._prepare_backbone_features(backbone)
    out["neck.pos"] = pos[-1].transpose(0, 1)
    return backbone["backbone_fpn"], (feats, pos, sizes)


def reference_prompts(predictor, inputs, pyramid, out):
    embedding, high_res = pyramid[2], pyramid[:2]
    without_memory = embedding + predictor.no_mem_embed.view(1, -1, 1, 1)
    encoder = predictor.sam_prompt_encoder
    out["prompt.dense_pe"] = encoder.get_dense_pe()
    out["prompt.mask"] = encoder._embed_masks(inputs["mask_logits"])

    def put_heads(name, outputs):
        _, _, _, mask, _, pointer, score = outputs
        out[f"{name}.mask"], out[f"{name}.pointer"], out[f"{name}.score"] = mask, pointer, score

    for kind in ("click", "clicks", "box", "none"):
        points = inputs[f"{kind}.coords"], inputs[f"{kind}.labels"].int()
        out[f"prompt.{kind}"] = encoder(points=points, boxes=None, masks=None)[0]
        masks, ious, tokens, score = decode(predictor, without_memory, high_res, points, None)
        name = f"decoder.{kind}"
        out[f"{name}.masks"], out[f"{name}.ious"] = masks, ious
        out[f"{name}.tokens"], out[f"{name}.score"] = tokens, score
        given = dict(backbone_features=without_memory, high_res_features=high_res,
                     point_inputs=dict(point_coords=points[0], point_labels=points[1]),
                     multimask_output=points[1].size(1) <= 1)
        put_heads(f"heads.{kind}", predictor._forward_sam_heads(**given))
        put_heads(f"refined.{kind}",
                  predictor._forward_sam_heads(mask_inputs=inputs["mask_logits"], **given))
    put_heads("mask_as_output",
              predictor._use_mask_as_output(embedding, high_res, inputs["mask"]))


def reference_memory(predictor, inputs, tokens, out):
    feats, pos, sizes = tokens
    high = torch.nn.functional.interpolate(
        inputs["memory.masks"], size=inputs["image"].shape[-2:], mode="bilinear", align_corners=False)
    for name, binary in (("soft", False), ("binary", True)):
        rows = []  # one by one, as EdgeTAM's perceiver takes no batch
        for row in range(len(high)):
            memory, memory_pos = predictor._encode_new_memory(
                feats, sizes, high[row:row + 1], inputs["memory.scores"][row:row + 1],
                is_mask_from_pts=binary)
            rows.append(tokens_first(memory.bfloat16().float()))
        out[f"memory.{name}"] = torch.cat(rows)
    codes = predictor.maskmem_tpos_enc[:, 0, 0]
    for t_pos in range(predictor.num_maskmem):
        out[f"memory.pos.{t_pos}"] = (tokens_first(memory_pos[-1])[0]
                                      + codes[predictor.num_maskmem - t_pos - 1])
    history = {"cond_frame_outputs": {}, "non_cond_frame_outputs": {}}
    for k in range(16):
        kind = "non_cond_frame_outputs" if k else "cond_frame_outputs"
        history[kind][k] = dict(
            maskmem_features=as_stored(inputs[f"past.memory.{k}"], sizes[-1][0]),
            maskmem_pos_enc=memory_pos, obj_ptr=inputs[f"past.pointer.{k}"])
        out[f"attention.{k + 1}"] = predictor._prepare_memory_conditioned_features(
            frame_idx=k + 1, is_init_cond_frame=False, current_vision_feats=feats[-1:],
            current_vision_pos_embeds=pos[-1:], feat_sizes=sizes[-1:], output_dict=history,
            num_frames=FRAMES)


def give(predictor, state, prompt, inputs):
    frame, obj = prompt["frame"], prompt["id"]
    if "mask" in prompt:
        predictor.add_new_mask(state, frame, obj, inputs[prompt["mask"]].bool())
        return
    points = prompt.get("points", [])
    predictor.add_new_points_or_box(
        state, frame, obj, box=prompt.get("box"),
        points=[p[:2] for p in points] or None, labels=[p[2] for p in points] or None)


def reference_video(predictor, inputs, prompts, size, out):
    """Frame by frame, as a stream comes: what needs no memory before the frame is tracked, what
    corrects the tracked mask after it."""
    images = normalise(inputs["frames"].byte().numpy())
    members.video.load_video_frames = lambda **_: (images, size, size)
    state = predictor.init_state("")
    for frame in range(FRAMES):
        here = [prompt for prompt in prompts if prompt["frame"] == frame]
        corrects = [p for p in here if p.get("action") == "refine" and "box" not in p]
        for prompt in here:
            if prompt not in corrects:
                give(predictor, state, prompt, inputs)

        def track():
            return list(predictor.propagate_in_video(state, frame, 0))[0]

        result = track()
        for prompt in corrects:
            give(predictor, state, prompt, inputs)
        if corrects:
            result = track()
        _, ids, logits = result
        for i, obj in enumerate(ids):
            outputs = state["output_dict_per_obj"][i]
            current = (outputs["cond_frame_outputs"].get(frame)
                       or outputs["non_cond_frame_outputs"].get(frame))
            out[f"video.mask.{frame}.{obj}"] = (logits[i, 0] > 0).float() * 255
            out[f"video.score.{frame}.{obj}"] = current["object_score_logits"].sigmoid().flatten()


def centre_scores(predictor, inputs, prompts, size):
    """Shifts the object score so that objects come and go while they are followed, with no score
    so near to the border that rounding decides: into the widest gap of the middle third."""
    out = {}
    reference_video(predictor, inputs, prompts, size, out)
    scores = torch.cat([value for name, value in out.items() if name.startswith("video.score.")])
    logits = scores.logit().sort().values[len(scores) // 3:-(len(scores) // 3)]
    gap = logits.diff().argmax()
    border = logits[gap:gap + 2].mean()
    predictor.sam_mask_decoder.pred_obj_score_head.layers[-1].bias -= border


def compare(ours, theirs, failures):
    """Prints one line for each group of stages."""
    groups = collections.defaultdict(list)
    for name, b in theirs.items():
        if name.startswith("video."):
            continue
        a = ours[name].reshape(b.shape)
        absolute = (a - b).abs().max().item()
        relative = absolute / max(b.abs().max().item(), 1e-12)
        parts = name.split(".")
        tolerance = TOLERANCE.get(name, DEFAULT_TOLERANCE)
        group = ("attention" if parts[0] == "attention" else
                 "memory.pos" if name.startswith("memory.pos") else
                 name if parts[0] in ("trunk", "neck", "prompt", "memory") else
                 f"{parts[0]}.{parts[-1]}")
        groups[group].append((relative, absolute, name))
        if not relative <= tolerance:  # not a number fails too
            failures.append(f"{name}: relative difference {relative:.2e} above {tolerance:g}")
    scores = [theirs[name].item() for name in theirs if name.endswith(".score")
              and name.startswith(("heads", "refined"))]
    if scores:
        print(f"  object scores {min(scores):.2f} .. {max(scores):.2f}")
    print(f"  {'stage':24} {'tensors':>7} {'absolute':>10} {'relative':>10}")
    for group, values in groups.items():
        relative, absolute, _ = max(values)
        print(f"  {group:24} {len(values):7} {absolute:10.2e} {relative:10.2e}")


def compare_video(ours, theirs, failures):
    names = [name for name in theirs if name.startswith("video.mask.")]
    if not names:
        return
    values, filled, signs = [], 0, collections.Counter()
    for name in names:
        a, b = ours[name].numpy() > 0, theirs[name].numpy() > 0
        values.append((iou(a, b), name))
        filled += 0 < b.mean() < 1
    scores = [name for name in theirs if name.startswith("video.score.")]
    difference = max((ours[name] - theirs[name]).abs().item() for name in scores)
    for name in scores:
        signs[bool(theirs[name] > 0.5)] += 1
    mean, (low, where) = np.mean([v for v, _ in values]), min(values)
    print(f"  video: {len(values)} masks ({filled} with edges), mean IoU {mean:.6f}, lowest "
          f"{low:.6f} ({where}); scores differ by {difference:.2e}, {signs[True]} present, "
          f"{signs[False]} absent")
    if set(name for name in ours if name.startswith("video.mask.")) != set(names):
        failures.append("video: other objects")
    if not (mean >= LEAST_MEAN_IOU and low >= LEAST_IOU):
        key = where.replace("mask", "score")
        failures.append(f"video: mean IoU {mean:.4f}, lowest {low:.4f}, there the object scores "
                        f"are {ours[key].item():.4f} and {theirs[key].item():.4f}")


def swap_rotary_axes():
    """A deliberate mistake: columns rotate where rows should."""
    import sam2.modeling.sam.transformer as transformer
    axial = transformer.compute_axial_cis

    def swapped(*args, **kwargs):
        half = axial(*args, **kwargs)
        first, second = half.chunk(2, dim=-1)
        return torch.cat([second, first], dim=-1)

    transformer.compute_axial_cis = swapped


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("member", choices=members.MEMBERS)
    parser.add_argument("--size", type=int, default=256, help="the network's input, pixels")
    parser.add_argument("--dump", required=True, help="the program stage_dump")
    parser.add_argument("--only-encoder", action="store_true")
    parser.add_argument("--no-video", action="store_true")
    parser.add_argument("--wrong-rotary-axes", action="store_true",
                        help="a mistake in the reference that must be found")
    arguments = parser.parse_args()
    if arguments.wrong_rotary_axes:
        swap_rotary_axes()
    start = time.monotonic()
    with torch.inference_mode(), tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        predictor = members.build(arguments.member, arguments.size)
        seeded.fill(predictor)
        inputs = make_inputs(predictor, arguments.size)
        prompts = [] if arguments.no_video or arguments.only_encoder else script(arguments.size)
        if prompts:
            centre_scores(predictor, inputs, prompts, arguments.size)
        torch.save({"model": predictor.state_dict()}, folder / "model.pt")
        if arguments.only_encoder:
            inputs = {"image": inputs["image"]}
        save_file({k: v.clone() for k, v in inputs.items()}, folder / "inputs.safetensors")
        (folder / "script.json").write_text(json.dumps(prompts))
        theirs = {}
        pyramid, tokens = reference_encoder(predictor, inputs["image"], theirs)
        if not arguments.only_encoder:
            reference_prompts(predictor, inputs, pyramid, theirs)
            reference_memory(predictor, inputs, tokens, theirs)
        if prompts:
            reference_video(predictor, inputs, prompts, arguments.size, theirs)
        between = time.monotonic()
        done = subprocess.run([arguments.dump, folder / "model.pt", folder / "inputs.safetensors",
                               folder / "script.json", folder / "out.safetensors",
                               str(arguments.size)], capture_output=True, text=True)
        if done.returncode:
            sys.exit(f"{arguments.member}: {done.stderr.strip()}")
        ours = load_file(folder / "out.safetensors")
    failures = []
    if done.stdout.split()[:2] != ["member", arguments.member]:
        failures.append(f"recognised as {done.stdout.strip()}")
    print(f"{arguments.member} at {arguments.size}: reference {between - start:.0f} s, "
          f"ours {time.monotonic() - between:.0f} s")
    compare(ours, theirs, failures)
    compare_video(ours, theirs, failures)
    for failure in failures[:20]:
        print(f"  FAILED {failure}")
    sys.exit(bool(failures))


if __name__ == "__main__":
    main()
