# SPDX-License-Identifier: Apache-2.0
"""lean.py computes what the reference's modules compute, and its gradients are theirs."""
import sys
import unittest
from pathlib import Path

import torch
from sam2.modeling.sam2_utils import LayerNorm2d
from timm.models.repvit import ConvNorm

sys.path.append(str(Path(__file__).resolve().parents[1]))
import lean                                         # noqa: E402
from network import build                           # noqa: E402

SIZE = 64


def randomised_norms(module):
    for norm in module.modules():
        if isinstance(norm, torch.nn.BatchNorm2d):
            for tensor in (norm.weight.data, norm.running_var):
                tensor.uniform_(0.5, 1.5)
            for tensor in (norm.bias.data, norm.running_mean):
                tensor.normal_()


def gradients(outputs, model):
    """Of a fixed random sum of the outputs, by parameter name; those that have one."""
    model.zero_grad(set_to_none=True)
    generator = torch.Generator().manual_seed(2)
    sum((output * torch.randn(output.shape, generator=generator)).mean() for output in outputs).backward()
    return {name: parameter.grad.clone() for name, parameter in model.named_parameters() if parameter.grad is not None}


class Encode(unittest.TestCase):
    def setUp(self):
        torch.manual_seed(1)
        self.model = build(SIZE).eval()
        randomised_norms(self.model)
        self.pixels = torch.randn(2, 3, SIZE, SIZE)

    def expected(self):
        for module in self.model.modules():
            if isinstance(module, lean.FoldedConvNorm):
                module.__class__ = ConvNorm
        first, second, embedding = self.model.forward_image(self.pixels)['backbone_fpn']
        return [first, second, embedding]

    def test_as_the_reference(self):
        fine, embedding = lean.encode(self.model, self.pixels)
        found = [*fine, embedding]
        found_gradients = gradients(found, self.model)
        expected = self.expected()
        for one, other in zip(found, expected, strict=True):
            torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-4)
        expected_gradients = gradients(expected, self.model)
        self.assertEqual(set(found_gradients), set(expected_gradients))
        for name, gradient in expected_gradients.items():
            largest = gradient.abs().max().item()
            torch.testing.assert_close(found_gradients[name], gradient, rtol=1e-3, atol=1e-3 * largest + 1e-7, msg=name)

    def test_norms_that_are_trained_go_by_their_batch(self):
        still = lean.encode(self.model, self.pixels)[1]
        before = {name: buffer.clone() for name, buffer in self.model.named_buffers() if 'running' in name}
        moving = lean.encode(self.model.train(), self.pixels)[1]
        self.assertGreater((still - moving).abs().max(), 1e-2)
        self.assertTrue(all((buffer != before[name]).any()
                            for name, buffer in self.model.named_buffers() if name in before))


class PlainAttention(unittest.TestCase):
    def test_as_the_kernel(self):
        for queries, keys in ((5, 7), (100, 7), (7, 100)):
            q, k, v = (torch.randn(2, 1, n, 16) for n in (queries, keys, keys))
            torch.testing.assert_close(lean.PlainAttention.scaled_dot_product_attention(q, k, v),
                                       torch.nn.functional.scaled_dot_product_attention(q, k, v))


class PlainLayerNorm2d(unittest.TestCase):
    def test_as_the_reference(self):
        for channels in (4, 32):
            torch.manual_seed(1)
            reference, plain = LayerNorm2d(channels), lean.PlainLayerNorm2d(channels)
            for norm in (reference, plain):
                torch.nn.init.normal_(norm.weight, generator=torch.Generator().manual_seed(3))
            x = torch.randn(2, channels, 5, 6)
            torch.testing.assert_close(plain(x), reference(x))


if __name__ == '__main__':
    unittest.main()
