# SPDX-License-Identifier: Apache-2.0
"""Writes a member's checkpoint with the seeded weights of tests/parity: MEMBER FILE."""

import sys

import torch

import members
import seeded


def main():
    member, file = sys.argv[1:]
    predictor = members.build(member, 256)  # no weight depends on the size
    with torch.inference_mode():
        seeded.fill(predictor)
        # Objects stay in sight: an absent one would save both sides work.
        predictor.sam_mask_decoder.pred_obj_score_head.layers[-1].bias += 100
    torch.save({"model": predictor.state_dict()}, file)


if __name__ == "__main__":
    main()
