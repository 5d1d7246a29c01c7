# SPDX-License-Identifier: Apache-2.0
"""muon.py: what is a matrix, what its updates are, and that processes that share them make the same ones."""
import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import torch
from torch import nn

sys.path.append(str(Path(__file__).resolve().parents[1]))
from muon import Muon, is_matrix, orthogonalised    # noqa: E402
from parallel import Peers                          # noqa: E402

RATE = 0.01
AT = torch.randn(8, 24, generator=torch.Generator().manual_seed(5))


def alone():
    return Peers(1, None)


def layers():
    torch.manual_seed(3)
    return nn.Sequential(nn.Linear(24, 32), nn.Linear(32, 32), nn.Linear(32, 32), nn.Linear(32, 20), nn.Linear(20, 16))


def go_on(model, optimizer, steps):
    for _ in range(steps):
        model.zero_grad()
        model(AT).square().mean().backward()
        optimizer.step()


def trained(model, peers, steps=4):
    """The weights after some steps on the same batch in all processes."""
    go_on(model, Muon([parameter for parameter in model.parameters() if is_matrix(parameter)], RATE, peers), steps)
    return {name: value.clone() for name, value in model.state_dict().items()}


class IsMatrix(unittest.TestCase):
    def test_linear_and_convolutions(self):
        for layer in (nn.Linear(16, 64), nn.Conv2d(64, 16, 1), nn.Conv2d(3, 24, 3), nn.ConvTranspose2d(32, 16, 2)):
            self.assertTrue(is_matrix(layer.weight), layer)

    def test_depthwise_small_and_no_matrices(self):
        for layer in (nn.Conv2d(64, 64, 3, groups=64), nn.Linear(128, 4), nn.Conv2d(1, 4, 3), nn.Embedding(1, 128),
                      nn.LayerNorm(64)):
            self.assertFalse(is_matrix(layer.weight), layer)
        self.assertFalse(is_matrix(nn.Linear(16, 64).bias))


class Updates(unittest.TestCase):
    def test_singular_values(self):
        for shape in ((3, 64, 200), (2, 200, 64), (1, 32, 32)):
            values = torch.linalg.svdvals(orthogonalised(torch.randn(*shape)))
            self.assertGreater(values.quantile(0.1), 0.5)           # square ones have some near 0
            self.assertLess(values.max(), 1.3)

    def test_no_gradient_no_step(self):
        model = layers()
        before = {name: value.clone() for name, value in model.state_dict().items()}
        Muon([model[0].weight], RATE, alone()).step()
        for name, value in model.state_dict().items():
            self.assertTrue(torch.equal(value, before[name]), name)

    def test_size_of_a_step(self):
        gradient, moves = torch.randn(32, 24, generator=torch.Generator().manual_seed(6)), []
        for scale in (1, 2 ** 13):
            weight = nn.Parameter(torch.zeros(32, 24))
            weight.grad = gradient * scale
            Muon([weight], RATE, alone()).step()
            moves.append(weight.detach())
        torch.testing.assert_close(moves[0], moves[1], rtol=0.05, atol=0.02 * RATE)     # however large the gradient
        self.assertAlmostEqual(moves[0].square().mean().sqrt().item() / RATE, 0.17, delta=0.05)     # about AdamW's
        self.assertLess((moves[0] * gradient).sum().item(), 0)

    def test_learns(self):
        model = layers()
        first = model(AT).square().mean().item()
        trained(model, alone(), 60)
        self.assertLess(model(AT).square().mean().item(), 0.5 * first)

    def test_restored_state_goes_on(self):
        expected = trained(layers(), alone(), 6)['0.weight']
        model = layers()
        states = []
        for steps in (2, 4):                    # the second with another optimizer that takes over the first's state
            optimizer = Muon([parameter for parameter in model.parameters() if is_matrix(parameter)], RATE, alone())
            if states:
                optimizer.load_state_dict(states[0])
            go_on(model, optimizer, steps)
            states.append(optimizer.state_dict())
        self.assertTrue(torch.equal(model[0].weight, expected))


class Shared(unittest.TestCase):
    def test_two_processes_as_one(self):
        expected = trained(layers(), alone())
        with tempfile.TemporaryDirectory() as folder:
            subprocess.run([sys.executable, __file__, 'PEERS', folder], check=True, timeout=100)
            for rank in range(2):
                weights = torch.load(Path(folder) / f'{rank}.pt', weights_only=True)
                for name, value in expected.items():
                    torch.testing.assert_close(weights[name], value, rtol=0, atol=2e-4)


def as_peers(folder):
    """In a process of its own: peers part before anything starts a thread."""
    peers = Peers(2, folder / 'meeting')
    torch.set_num_threads(1)
    torch.save(trained(layers(), peers), folder / f'{peers.rank}.pt')
    if peers.rank == 0:
        os.wait()


if __name__ == '__main__':
    if sys.argv[1:2] == ['PEERS']:
        as_peers(Path(sys.argv[2]))
    else:
        unittest.main()
