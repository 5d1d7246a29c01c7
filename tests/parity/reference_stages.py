# SPDX-License-Identifier: Apache-2.0
"""Runs every stage of a member in the reference code, and a video of 20 frames."""

import torch

import members
import seeded
from inputs import FRAMES, MEMORIES, POINTS, make, normalise, script


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


def run_encoder(predictor, image, out):
    """Returns the pyramid and the same as tokens with position codes."""
    for i, level in enumerate(predictor.image_encoder.trunk(image)):
        out[f"trunk.{i}"] = level
    backbone = predictor.forward_image(image)
    for i, level in enumerate(backbone["backbone_fpn"]):
        out[f"neck.{i}"] = level
    _, feats, pos, sizes = predictor._prepare_backbone_features(backbone)
    out["neck.pos"] = pos[-1].transpose(0, 1)
    return backbone["backbone_fpn"], (feats, pos, sizes)


def run_prompts(predictor, inputs, pyramid, out):
    embedding, high_res = pyramid[2], pyramid[:2]
    without_memory = embedding + predictor.no_mem_embed.view(1, -1, 1, 1)
    encoder = predictor.sam_prompt_encoder
    out["prompt.dense_pe"] = encoder.get_dense_pe()
    out["prompt.mask"] = encoder._embed_masks(inputs["mask_logits"])

    def put_heads(name, outputs):
        _, _, _, mask, _, pointer, score = outputs
        out[f"{name}.mask"], out[f"{name}.pointer"], out[f"{name}.score"] = mask, pointer, score

    for kind in POINTS:
        points = inputs[f"{kind}.coords"], inputs[f"{kind}.labels"]
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


def run_memory(predictor, inputs, tokens, out):
    feats, pos, sizes = tokens
    high = torch.nn.functional.interpolate(inputs["memory.masks"], size=inputs["image"].shape[-2:],
                                           mode="bilinear", align_corners=False)
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
    for k in range(MEMORIES):
        kind = "non_cond_frame_outputs" if k else "cond_frame_outputs"
        history[kind][k] = dict(
            maskmem_features=as_stored(inputs[f"past.memory.{k}"], sizes[-1][0]),
            maskmem_pos_enc=memory_pos, obj_ptr=inputs[f"past.pointer.{k}"])
        out[f"attention.{k + 1}"] = predictor._prepare_memory_conditioned_features(
            frame_idx=k + 1, is_init_cond_frame=False, current_vision_feats=feats[-1:],
            current_vision_pos_embeds=pos[-1:], feat_sizes=sizes[-1:], output_dict=history,
            num_frames=FRAMES)


def give(predictor, state, prompt, mask):
    frame, obj = prompt["frame"], prompt["id"]
    if prompt.get("mask"):
        predictor.add_new_mask(state, frame, obj, mask)
        return
    points = prompt.get("points", [])
    predictor.add_new_points_or_box(
        state, frame, obj, box=prompt.get("box"),
        points=[p[:2] for p in points] or None, labels=[p[2] for p in points] or None)


def run_video(predictor, inputs, out, frames):
    """Frame by frame, as a stream comes: what needs no memory before the frame is tracked, what
    corrects the tracked mask after it."""
    size = predictor.image_size
    images, mask = normalise(inputs["frames"]), inputs["mask"][0, 0].bool()
    members.video.load_video_frames = lambda **_: (images, size, size)
    state = predictor.init_state("")
    for frame in range(frames):
        here = [prompt for prompt in script(size) if prompt["frame"] == frame]
        corrects = [p for p in here if p.get("action") == "refine" and "box" not in p]
        for prompt in here:
            if prompt not in corrects:
                give(predictor, state, prompt, mask)

        def track():
            return list(predictor.propagate_in_video(state, frame, 0))[0]

        result = track()
        for prompt in corrects:
            give(predictor, state, prompt, mask)
        if corrects:
            result = track()
        _, ids, logits = result
        for i, obj in enumerate(ids):
            outputs = state["output_dict_per_obj"][i]
            current = (outputs["cond_frame_outputs"].get(frame)
                       or outputs["non_cond_frame_outputs"].get(frame))
            out[f"video.logits.{frame}.{obj}"] = logits[i, 0]
            out[f"video.score.{frame}.{obj}"] = current["object_score_logits"].sigmoid().flatten()


def centre_scores(predictor, inputs, frames):
    """Shifts the object score so that objects come and go while they are followed, with no score
    so near to the border that rounding decides: into the widest gap of the middle third."""
    out = {}
    run_video(predictor, inputs, out, frames)
    scores = torch.cat([value for name, value in out.items() if name.startswith("video.score.")])
    logits = scores.logit().sort().values[len(scores) // 3:-(len(scores) // 3)]
    gap = logits.diff().argmax()
    border = logits[gap:gap + 2].mean()
    predictor.sam_mask_decoder.pred_obj_score_head.layers[-1].bias -= border


def swap_rotary_axes():
    """A deliberate mistake: columns rotate where rows should."""
    import sam2.modeling.sam.transformer as transformer
    axial = transformer.compute_axial_cis

    def swapped(*args, **kwargs):
        half = axial(*args, **kwargs)
        first, second = half.chunk(2, dim=-1)
        return torch.cat([second, first], dim=-1)

    transformer.compute_axial_cis = swapped


def memory_tokens(predictor):
    """Tokens of one memory."""
    if members.EDGETAM:
        return predictor.spatial_perceiver.num_latents + predictor.spatial_perceiver.num_latents_2d
    return (predictor.image_size // 16) ** 2


class Reference:
    """One member with seeded weights."""

    def __init__(self, member, size, only_encoder=False, video=True, frames=FRAMES):
        self.predictor = members.build(member, size)
        self.only_encoder, self.video = only_encoder, video and not only_encoder
        self.frames = frames
        seeded.fill(self.predictor)
        self.inputs = make(size, memory_tokens(self.predictor), self.predictor.hidden_dim)
        if self.video:
            centre_scores(self.predictor, self.inputs, frames)

    def save(self, path):
        torch.save({"model": self.predictor.state_dict()}, path)

    def run(self):
        """All outputs by name."""
        out = {}
        pyramid, tokens = run_encoder(self.predictor, self.inputs["image"], out)
        if not self.only_encoder:
            run_prompts(self.predictor, self.inputs, pyramid, out)
            run_memory(self.predictor, self.inputs, tokens, out)
        if self.video:
            run_video(self.predictor, self.inputs, out, self.frames)
        return out
